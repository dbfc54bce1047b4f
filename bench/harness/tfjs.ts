import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import { guarded } from "./guard.js";
import { shareDevice } from "./navigator.js";
import type { Peer } from "./peers.js";
import type { Contender } from "./timing.js";

/**
 * tfjs on the device that ours runs on. Its own backend would request a device, so another one is registered in its place. In
 * Node it is imported while there is no `navigator.gpu` yet, and registers none.
 */
export class Tfjs {
	private readonly backend: WebGPUBackend;

	private constructor(private readonly gpu: Gpu) {
		this.backend = new WebGPUBackend(gpu.device, gpu.device.adapterInfo);
	}

	/** A new backend, without the buffers that an earlier one kept. Close it before the next is opened. */
	static async open(gpu: Gpu): Promise<Tfjs> {
		shareDevice(gpu);
		tf.env().set("IS_TEST", true); // no hint on the console that tfjs-node would be faster
		const tfjs = new Tfjs(gpu);
		if (tf.findBackendFactory("webgpu") !== null) tf.removeBackend("webgpu");
		tf.registerBackend("webgpu", () => tfjs.backend);
		await tf.setBackend("webgpu");
		return tfjs;
	}

	/** An operation of tfjs to be timed; the tensors that it makes are disposed. */
	contender(name: string, operation: () => unknown): Contender {
		return {
			name,
			call: () => {
				tf.tidy(() => {
					operation();
				});
			},
			finish: () => this.finish(),
		};
	}

	/**
	 * Calls an operation for the first time, which compiles its pipelines.
	 *
	 * @param arrange brings the values of the result into our layout
	 * @throws TesseraError if tfjs or the GPU refuses it
	 */
	async peer(
		name: string,
		operation: () => tf.Tensor,
		arrange = (values: Float32Array, _shape: readonly number[]) => values,
	): Promise<Peer> {
		const start = performance.now();
		const { values, shape } = await guarded(this.gpu, name, async () => {
			const result = tf.tidy(operation);
			const values = await result.data<"float32">();
			result.dispose();
			return { values, shape: result.shape };
		});
		const before = performance.now() - start;
		return { contender: { ...this.contender(name, operation), before }, result: arrange(values, shape) };
	}

	async finish(): Promise<void> {
		this.backend.ensureCommandEncoderReady();
		this.backend.endComputePassEncoder();
		this.backend.submitQueue();
		await this.gpu.device.queue.onSubmittedWorkDone();
	}

	/** Bytes of the tensors that are alive. */
	bytes(): number {
		return tf.memory().numBytes;
	}

	/** Whether strided transposed convolutions are computed directly (its default) or as a matrix product. */
	set naiveTransposedConvolution(naive: boolean) {
		tf.env().set("WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE", naive);
	}

	/** Frees all memory of tfjs. */
	close(): void {
		tf.disposeVariables();
		tf.removeBackend("webgpu");
	}
}
