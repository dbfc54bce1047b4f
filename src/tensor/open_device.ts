import {
	checkArray,
	checkFlag,
	checkFunction,
	checkNumber,
	checkOptions,
	checkWord,
	wrongArgument,
} from "../base/arguments.js";
import { NoAdapterError } from "../base/errors.js";
import { type AdapterDescription, describeAdapter, isNullBackend, requestDevice } from "../gpu/adapter.js";
import type { DeviceOptions } from "../gpu/device_options.js";
import type { ChoiceStore } from "../gpu/tuner.js";
import { type Variant, variantNames, variantsFor } from "../gpu/variant.js";
import { browserChoiceStore } from "./choice_store.js";
import { TensorGpu } from "./gpu.js";
import type { Gpu } from "./tensor.js";

export interface OpenDeviceOptions extends Omit<DeviceOptions, "tuner" | "variants" | "kernels"> {
	/** Which GPU to prefer if there are several (default "high-performance"). */
	readonly powerPreference?: "low-power" | "high-performance";
	/** WebGPU features that the device must have. */
	readonly requiredFeatures?: readonly string[];
	/**
	 * Whether `prepare` times which variants of the kernels are the fastest for the shapes in its step, instead of choosing by
	 * the adapter's description (default false). The timings are kept for the next run: in Node in the cache folder, in a browser
	 * in its storage for the site, or in a store of the caller's.
	 */
	readonly tune?: boolean | ChoiceStore;
	/** The only variant of the kernels to use; see `Variant` (default: the fastest for the adapter). */
	readonly variant?: Variant | undefined;
	/** Whether to print, once for each adapter, that shaders run on the CPU: in Node on stderr, in a browser on the console (default true). */
	readonly announce?: boolean;
	/**
	 * What to print for debugging, in Node on stderr, in a browser on the console (default: nothing; in Node the environment
	 * variable TESSERA_DEBUG): "launches", each launch with its constants, uniforms, workgroups and bytes of its bindings, when it
	 * is launched, traced or replayed; "shaders", the constants of each pipeline when it is compiled, and
	 * the WGSL of its kernel the first time. See also `gpu.onLaunch`.
	 */
	readonly debug?: DebugOutput | undefined;
}

export type DebugOutput = "launches" | "shaders";

/** @internal */
export const debugOutputs = ["launches", "shaders"] as const satisfies readonly DebugOutput[];

/** The adapters that were announced, by their description. */
const announced = new Set<string>();

/** The names of the options. @internal */
export const openDeviceOptions = [
	"powerPreference",
	"requiredFeatures",
	"tune",
	"announce",
	"debug",
	"poolLimit",
	"variant",
	"idle",
	"maxDispatchesInFlight",
] as const satisfies readonly (keyof OpenDeviceOptions)[];

/** @throws ArgumentError for an option that is not known, or not of its kind @internal */
export function checkOpenDeviceOptions(options: OpenDeviceOptions, more: readonly string[] = []): void {
	const name = "openDevice";
	checkOptions(name, options, [...openDeviceOptions, ...more]);
	const {
		powerPreference,
		requiredFeatures = [],
		tune = false,
		announce = true,
		debug,
		poolLimit = 0,
		variant,
		idle,
		maxDispatchesInFlight,
	} = options;
	if (powerPreference !== undefined)
		checkWord(name, "powerPreference", powerPreference, ["low-power", "high-performance"]);
	checkArray(name, "requiredFeatures", requiredFeatures, 'an array of WebGPU features such as ["shader-f16"]');
	if (typeof tune !== "boolean" && typeof tune?.read !== "function")
		throw wrongArgument(name, "tune", "true, false or a store { read, write }", tune);
	checkFlag(name, "announce", announce);
	if (debug !== undefined) checkWord(name, "debug", debug, debugOutputs);
	checkNumber(name, "poolLimit", poolLimit, { least: 0 });
	if (variant !== undefined) checkWord(name, "variant", variant, variantNames);
	if (maxDispatchesInFlight !== undefined)
		checkNumber(name, "maxDispatchesInFlight", maxDispatchesInFlight, { least: 1 });
	if (idle !== undefined) checkFunction(name, "idle", idle);
}

/**
 * Opens a device on an adapter.
 *
 * @param storeFor where timings are kept, unless the options have a store
 * @param say prints that an adapter of this description computes on the CPU
 * @throws MissingFeatureError if the adapter lacks a required feature, NoAdapterError for Dawn's null backend
 * @internal
 */
export async function openAdapter(
	adapter: GPUAdapter,
	{ tune = false, announce = true, debug, requiredFeatures, variant, ...options }: OpenDeviceOptions,
	storeFor: (adapter: AdapterDescription) => ChoiceStore,
	say: (description: string) => void,
): Promise<Gpu> {
	const description = describeAdapter(adapter);
	const making = import("./making.js");
	const store = tune === true ? storeFor(description) : tune;
	const tuner = store === false ? undefined : await (await import("../gpu/tuner.js")).Tuner.open(store);
	const variants = variantsFor(description, variant, tuner !== undefined);
	const kernels = {
		// Few images are not blocked.
		portable: variants.some((name) => name !== "tiled")
			? (await import("../gpu/portable_kernels.js")).portableKernels
			: undefined,
		tiled: variants.includes("tiled") ? (await import("../gpu/tiled_kernels.js")).tiledKernels : undefined,
		blocked: variants.includes("blocked") ? (await import("../gpu/blocked_kernels.js")).blockedKernels : undefined,
	};
	const printers = debug === undefined ? undefined : await import("../gpu/debug.js");
	const device = await requestDevice(adapter, requiredFeatures);
	const { TensorMaker } = await making;
	const all = { ...options, tuner, variants, kernels };
	const gpu = new TensorGpu(device, description, all, (gpu) => new TensorMaker(gpu));
	if (debug === "launches") gpu.onLaunch = printers?.printLaunch;
	if (debug === "shaders") gpu.onCompile = printers?.shaderPrinter();
	const name = description.description || description.device || description.architecture;
	if (description.software && announce && !announced.has(name)) {
		announced.add(name);
		say(name);
	}
	return gpu;
}

/**
 * Opens the browser's GPU.
 *
 * @throws NoAdapterError if the browser has no WebGPU or no adapter, MissingFeatureError if the adapter lacks a required feature
 * @example
 * const gpu = await openDevice();
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<Gpu> {
	checkOpenDeviceOptions(options);
	const gpu = globalThis.navigator?.gpu;
	if (gpu === undefined)
		throw new NoAdapterError(
			"openDevice: this browser has no WebGPU (navigator.gpu is missing). It needs a secure context (https or localhost) and Chrome or Edge 113, Safari 26 or Firefox 141, or newer.",
		);
	const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
	if (adapter === null || isNullBackend(adapter))
		throw new NoAdapterError(
			"openDevice: the browser found no GPU adapter. Turn on hardware acceleration, or in Chrome start it with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader to compute on the CPU.",
		);
	return openAdapter(adapter, options, browserChoiceStore, (name) =>
		console.warn(`Tessera computes on the CPU (${name}): no GPU was found.`),
	);
}
