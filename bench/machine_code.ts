// What AMD's compiler generates for the kernels of a training step or of an operation, on a machine without
// an AMD card.
import { programOf, runProgram } from "../src/node/cli/program.js";
import { machineCodeCommand } from "./machine_code/command.js";

await runProgram(programOf(machineCodeCommand), process.argv.slice(2));
