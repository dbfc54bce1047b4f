import { Random } from "../../src/base/random.js";
import type { Bench } from "../harness/benchmark.js";
import { gpuTime, ours } from "../harness/ours.js";
import { relativeDifference } from "../harness/permute.js";
import type { Measurement } from "../harness/report.js";
import { notesOn, timeAlternately } from "../harness/timing.js";
import { type Direction, describe, type Layer, multiplyAdds } from "./layers.js";
import { layerData, subject } from "./subject.js";
import type { TfjsConvolution } from "./tfjs_convolution.js";

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
}

/** Sums of up to 100,000 float32 products, in different orders, are this much alike (of the largest of them). */
const tolerance = 1e-4;

/** @throws Error if none of tfjs's variants has our result */
function check(result: Float32Array, { variants }: TfjsConvolution): { difference: number; wrong: string[] } {
	const differences = variants.map((variant) => relativeDifference(result, variant.result));
	const difference = Math.min(...differences);
	if (!(difference <= tolerance))
		throw new Error(`The result differs from tfjs's by ${difference.toExponential(1)} of the largest value.`);
	const wrong = variants.filter((_, i) => !((differences[i] as number) <= tolerance));
	return { difference, wrong: wrong.map(({ contender }) => contender.name) };
}

/** Measures a layer in one direction. */
export async function measureConvolution(bench: Bench, layer: Layer, direction: Direction): Promise<ConvRow> {
	const { gpu, options } = bench;
	const random = new Random(1);
	const data = layerData(layer, () => random.uniform(-1, 1));
	const { operation, dispose } = subject(gpu, layer, direction, data);
	const notes: string[] = [];
	let tfjs: TfjsConvolution | undefined;
	if (options.tfjs) {
		const { openTfjsConvolution } = await import("./tfjs_convolution.js");
		try {
			tfjs = await openTfjsConvolution(gpu, layer, direction, data);
		} catch (error) {
			notes.push((error as Error).message);
		}
	}
	try {
		using result = operation();
		const checked = tfjs && check(await result.data(), tfjs);
		for (const name of checked?.wrong ?? []) notes.push(`${name} gives a wrong result and is left out`);
		const right = tfjs?.variants.filter(({ contender }) => !checked?.wrong.includes(contender.name)) ?? [];
		const results = await timeAlternately([ours(gpu, operation), ...right.map(({ contender }) => contender)], options);
		const our = results.get("ours");
		notes.push(...notesOn(results));
		if (our === undefined) throw new Error("ours was not measured");
		results.delete("ours");
		const [fastest] = [...results.values()].sort((a, b) => a.median - b.median);
		const gpuMs = await gpuTime(gpu, operation, options);
		const operations = 2 * multiplyAdds(layer);
		const bytes = 4 * (data.large.length + data.small.length + data.weight.length);
		return {
			name: `${layer.name}/${direction}`,
			shape: describe(layer),
			batch: layer.batch,
			ours_ms: our.median,
			ours_quartiles: our.quartiles,
			ours_runs: our.runs,
			tfjs_ms: fastest?.median ?? null,
			tfjs_quartiles: fastest?.quartiles ?? null,
			tfjs_runs: fastest?.runs ?? 0,
			ratio: fastest === undefined ? null : fastest.median / our.median,
			gflops: operations / gpuMs / 1e6,
			operations,
			bytes,
			ours_gpu_ms: gpuMs,
			tfjs_naive_ms: results.get("tfjs naive")?.median ?? null,
			tfjs_matmul_ms: results.get("tfjs matmul")?.median ?? null,
			difference: checked?.difference ?? null,
			note: notes.length === 0 ? undefined : notes.join("; "),
		};
	} finally {
		tfjs?.close();
		dispose();
	}
}
