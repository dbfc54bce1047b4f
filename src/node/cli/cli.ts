import { leaveOutDawnsLines } from "../adapters/dawn_log.js";
import { commands } from "./commands.js";
import { programWithCommands, runProgram } from "./program.js";

const tessera = programWithCommands("tessera", commands, (program) =>
	program
		.description(
			"Trains a VQ-VAE and a prior on a GPU, draws new images from them, and turns images into codes and back.",
		)
		.version(TESSERA_VERSION)
		.addHelpText("after", "\nStart with:\n  $ tessera train\n  $ tessera help train"),
);

leaveOutDawnsLines();
const words = process.argv.slice(2);
await runProgram(tessera, words.length > 0 ? words : ["--help"]);
