// A whole training step of the reference network at batch 128, and the first step of a process, against tfjs.

import { runBenchmarks } from "./harness/program.js";
import { train } from "./train/benchmark.js";

await runBenchmarks("bench:train", [train]);
