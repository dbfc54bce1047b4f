import type { BlockedKernels } from "./blocked_kernels.js";
import type { PortableKernels } from "./portable_kernels.js";
import type { TiledKernels } from "./tiled_kernels.js";
import type { Tuner } from "./tuner.js";
import type { Variants } from "./variant.js";

/** The kernels that are loaded only for a variant. */
export interface VariantKernels {
	/** Those that have a tiled variant for every shape. */
	readonly portable?: PortableKernels | undefined;
	readonly tiled?: TiledKernels | undefined;
	readonly blocked?: BlockedKernels | undefined;
}

export interface DeviceOptions {
	/** Free buffers are kept for reuse up to this many bytes (default 1 GiB). */
	readonly poolLimit?: number;
	/** Called when the host starts to wait for the GPU; the function that it returns is called when the wait ends. */
	readonly idle?: (() => () => void) | undefined;
	/**
	 * How many dispatches may be in flight before a launch throws an OverloadError (default 2²⁰). Only a loop that awaits nothing
	 * reaches it; see `throttle`.
	 */
	readonly maxDispatchesInFlight?: number;
	/** Times the variants of kernels; without it nothing is timed. @internal */
	readonly tuner?: Tuner | undefined;
	/** The variants to choose from, the preferred one first (default: the portable ones alone). @internal */
	readonly variants?: Variants;
	/** The kernels of the variants. @internal */
	readonly kernels?: VariantKernels;
}
