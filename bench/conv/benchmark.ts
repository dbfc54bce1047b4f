import { defineBenchmark } from "../harness/benchmark.js";
import { digits } from "../harness/format.js";
import { directions, layers } from "./layers.js";
import { type ConvRow, measureConvolution } from "./measure.js";

export const conv = defineBenchmark<ConvRow>({
	name: "conv",
	description: "Convolutions, forward and both gradients, against jax-js, and tfjs in both settings of its flag",
	tasks: ({ adapter }) =>
		layers(adapter.software).flatMap((layer) =>
			directions.map((direction) => ({
				name: `${layer.name}/${direction}`,
				measure: (bench) => measureConvolution(bench, layer, direction),
			})),
		),
	columns: [
		["GPU ms", ({ ours_gpu_ms }) => digits(ours_gpu_ms)],
		["tfjs naive ms", ({ tfjs_naive_ms }) => digits(tfjs_naive_ms)],
		["tfjs matmul ms", ({ tfjs_matmul_ms }) => digits(tfjs_matmul_ms)],
		["shape", ({ shape }) => shape],
	],
});
