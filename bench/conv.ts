// Each convolution of the reference network and two larger ones, forward and both gradients, against tfjs.
import { conv } from "./conv/benchmark.js";
import { runProgram } from "./harness/program.js";

await runProgram("bench:conv", [conv]);
