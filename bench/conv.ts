// Each convolution of the notes' network and two larger ones, forward and both gradients, against tfjs.
import { directions, layers } from "./conv/layers.js";
import { type ConvRow, measureConvolution } from "./conv/measure.js";
import { runBenchmark } from "./harness/benchmark.js";
import { digits, percent } from "./harness/format.js";

await runBenchmark<ConvRow>({
	name: "conv",
	description: "Convolutions, forward and both gradients, against tfjs in both settings of its flag",
	tasks: ({ adapter }) =>
		layers(adapter.software).flatMap((layer) =>
			directions.map((direction) => ({
				name: `${layer.name}/${direction}`,
				measure: (bench) => measureConvolution(bench, layer, direction),
			})),
		),
	columns: [
		["GPU ms", ({ ours_gpu_ms }) => digits(ours_gpu_ms)],
		["bandwidth", ({ bandwidth_share }) => percent(bandwidth_share)],
		["tfjs naive ms", ({ tfjs_naive_ms }) => digits(tfjs_naive_ms)],
		["tfjs matmul ms", ({ tfjs_matmul_ms }) => digits(tfjs_matmul_ms)],
		["shape", ({ shape }) => shape],
	],
});
