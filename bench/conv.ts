// Each convolution of the reference network and two larger ones, forward and both gradients, against tfjs.
import { conv } from "./conv/benchmark.js";
import { runBenchmarks } from "./harness/program.js";

await runBenchmarks("bench:conv", [conv]);
