import { Random } from "../../src/base/random.js";
import { sizeOf } from "../../src/base/shape.js";
import type { Bench } from "../harness/benchmark.js";
import { measureOperation } from "../harness/measure_operation.js";
import type { Measurement } from "../harness/report.js";
import type { Operation } from "./operations.js";

/** An operation of one size. */
export interface OpsRow extends Measurement {
	/** By timestamps, the median; `gflops`, `gbs` and the shares go by it. */
	readonly ours_gpu_ms: number;
	/** Largest difference from a library's result over its largest magnitude, by the library's name. */
	readonly differences: Readonly<Record<string, number>>;
}

/** Measures an operation on random numbers between −1 and 1. */
export async function measureOps(bench: Bench, operation: Operation): Promise<OpsRow> {
	const { gpu } = bench;
	const { name, inputs, operations } = operation;
	const random = new Random(1);
	const data = inputs.map((shape) => Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-1, 1)));
	const tensors = inputs.map((shape, i) => gpu.tensor(data[i], shape));
	try {
		const { times, gpuMs, differences, size, note } = await measureOperation(bench, () => operation.ours(tensors), [
			async () => (await import("./tfjs_operation.js")).openTfjsOperation(gpu, operation, data),
			async () => (await import("./jax_operation.js")).openJaxOperation(gpu, operation, data),
		]);
		const bytes = 4 * data.reduce((sum, { length }) => sum + length, size);
		return {
			name,
			...times,
			gflops: operations / gpuMs / 1e6,
			gbs: bytes / gpuMs / 1e6,
			operations,
			bytes,
			ours_gpu_ms: gpuMs,
			differences: Object.fromEntries(differences),
			note,
		};
	} finally {
		for (const tensor of tensors) tensor.dispose();
	}
}
