// Matrix products, elementwise operations, sums, softmax and permutations, against tfjs and jax-js.
import { runBenchmarks } from "./harness/program.js";
import { ops } from "./ops/benchmark.js";

await runBenchmarks("bench:ops", [ops]);
