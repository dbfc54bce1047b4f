// A whole training step of the reference network at batch 128, and the first step of a process, against tfjs.

import { runProgram } from "./harness/program.js";
import { train } from "./train/benchmark.js";

await runProgram("bench:train", [train]);
