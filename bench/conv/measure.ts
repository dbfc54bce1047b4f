import { Random } from "../../src/base/random.js";
import type { Bench } from "../harness/benchmark.js";
import { measureOperation } from "../harness/measure_operation.js";
import type { Measurement } from "../harness/report.js";
import { type Direction, describe, type Layer, multiplyAdds } from "./layers.js";
import { layerData, subject } from "./subject.js";

/** A layer in one direction. */
export interface ConvRow extends Measurement {
	readonly shape: string;
	readonly batch: number;
	/** By timestamps, the median; `gflops` and the shares go by it. */
	readonly ours_gpu_ms: number;
	/** With WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE on (tfjs's default) and off; null if the flag makes no difference. */
	readonly tfjs_naive_ms: number | null;
	readonly tfjs_matmul_ms: number | null;
	/** Largest difference from tfjs's result over its largest magnitude. */
	readonly difference: number | null;
	/** The same for jax-js. */
	readonly jax_difference: number | null;
}

/** Measures a layer in one direction. */
export async function measureConvolution(bench: Bench, layer: Layer, direction: Direction): Promise<ConvRow> {
	const { gpu } = bench;
	const random = new Random(1);
	const data = layerData(layer, () => random.uniform(-1, 1));
	const { operation, dispose } = subject(gpu, layer, direction, data);
	try {
		const { times, gpuMs, results, differences, note } = await measureOperation(bench, operation, [
			async () => (await import("./tfjs_convolution.js")).openTfjsConvolution(gpu, layer, direction, data),
			async () => (await import("./jax_convolution.js")).openJaxConvolution(gpu, layer, direction, data),
		]);
		const ofTfjs = [...differences].flatMap(([name, difference]) => (name === "jax-js" ? [] : [difference]));
		const operations = 2 * multiplyAdds(layer);
		return {
			name: `${layer.name}/${direction}`,
			shape: describe(layer),
			batch: layer.batch,
			...times,
			gflops: operations / gpuMs / 1e6,
			operations,
			bytes: 4 * (data.large.length + data.small.length + data.weight.length),
			ours_gpu_ms: gpuMs,
			tfjs_naive_ms: results.get("tfjs naive")?.median ?? null,
			tfjs_matmul_ms: results.get("tfjs matmul")?.median ?? null,
			difference: ofTfjs.length === 0 ? null : Math.min(...ofTfjs),
			jax_difference: differences.get("jax-js") ?? null,
			note,
		};
	} finally {
		dispose();
	}
}
