// The quantizer's search for the nearest codes: the fused kernels against a composition of tfjs's operations.
import { argmin } from "./argmin/benchmark.js";
import { runBenchmarks } from "./harness/program.js";

await runBenchmarks("bench:argmin", [argmin]);
