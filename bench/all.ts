// All benchmarks, one after the other.
import { argmin } from "./argmin/benchmark.js";
import { conv } from "./conv/benchmark.js";
import { runBenchmarks } from "./harness/program.js";
import { ops } from "./ops/benchmark.js";
import { train } from "./train/benchmark.js";

await runBenchmarks("bench", [argmin, conv, ops, train]);
