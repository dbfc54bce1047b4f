import { defaultDevice, init, numpy as np } from "@jax-js/jax";
import type { Gpu } from "tessera-gpu";
import { guarded } from "./guard.js";
import { shareDevice } from "./navigator.js";
import type { Peer } from "./peers.js";
import type { Contender } from "./timing.js";

/** jax-js on the device that ours runs on. */
export class Jax {
	private readonly owned: { readonly dispose: () => void }[] = [];

	private constructor(private readonly gpu: Gpu) {}

	static async open(gpu: Gpu): Promise<Jax> {
		shareDevice(gpu);
		await init("webgpu");
		defaultDevice("webgpu");
		return new Jax(gpu);
	}

	/** What `close` disposes of: an array, or what the compiled function keeps. */
	own<T extends { readonly dispose: () => void }>(value: T): T {
		this.owned.push(value);
		return value;
	}

	/** An array that `close` disposes of. A function consumes its arguments, so give it `array.ref`. */
	array(data: Float32Array<ArrayBuffer>, shape: readonly number[]): np.Array {
		return this.own(np.array(data).reshape([...shape]));
	}

	/** An operation to be timed; its result is freed. */
	contender(name: string, operation: () => np.Array): Contender {
		return {
			name,
			// jax-js submits an operation when its result is read. This submits it without waiting, and
			// frees the result.
			call: () => {
				operation().gpuBufferSync();
			},
			finish: async () => {
				await this.gpu.device.queue.onSubmittedWorkDone();
			},
		};
	}

	/**
	 * Calls an operation for the first time, which compiles its kernels.
	 *
	 * @throws TesseraError if jax-js or the GPU refuses it
	 */
	async peer(name: string, operation: () => np.Array): Promise<Peer> {
		const start = performance.now();
		const result = await guarded(this.gpu, name, () => operation().data());
		const before = performance.now() - start;
		return { contender: { ...this.contender(name, operation), before }, result };
	}

	close(): void {
		for (const value of this.owned.splice(0)) value.dispose();
	}
}
