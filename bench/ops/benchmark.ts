import { defineBenchmark } from "../harness/benchmark.js";
import { digits } from "../harness/format.js";
import { measureOps, type OpsRow } from "./measure.js";
import { operations } from "./operations.js";

export const ops = defineBenchmark<OpsRow>({
	name: "ops",
	description: "Matrix products, elementwise operations, sums, softmax and permutations, against tfjs and jax-js",
	tasks: () =>
		operations.map((operation) => ({ name: operation.name, measure: (bench) => measureOps(bench, operation) })),
	columns: [["GPU ms", ({ ours_gpu_ms }) => digits(ours_gpu_ms)]],
});
