import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { TesseraError } from "../../base/errors.js";
import { leaveOutDawnsLines } from "../adapters/dawn_log.js";
import { endWithoutReader } from "../runs/interrupt.js";
import { defineDoctor, defineReconstruct, defineSummary } from "./command_line/model.js";
import { defineComplete, defineSample, defineTrainPrior } from "./command_line/prior.js";
import { defineTrain } from "./command_line/train.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
	version: string;
};

const program = new Command("tessera")
	.description("Trains a VQ-VAE and a prior on a GPU, draws images from them, and computes images from codes and back.")
	.version(version)
	.exitOverride()
	.configureOutput({ outputError: () => undefined });
for (const define of [
	defineTrain,
	defineTrainPrior,
	defineSample,
	defineComplete,
	defineReconstruct,
	defineSummary,
	defineDoctor,
])
	define(program);
program.addHelpText("after", "\nStart with:\n  $ tessera train\n  $ tessera help train");

/** What a failure says to a user: one line, without the stack that only a fault of ours needs. */
function messageOf(error: unknown): string {
	if (error instanceof CommanderError && error.code === "commander.help")
		return `there is no command "${process.argv.at(-1)}" to help with.`;
	if (error instanceof CommanderError)
		return error.message.replace(/^error: /, "").replace(/\n\(Did you mean (.*)\?\)$/s, ". Did you mean $1?");
	if (error instanceof TesseraError || (error as NodeJS.ErrnoException).code !== undefined)
		return (error as Error).message.replace(/^tessera: /, "");
	return String((error as Error).stack);
}

leaveOutDawnsLines();
endWithoutReader();
try {
	if (process.argv.length > 2) await program.parseAsync(process.argv);
	else program.outputHelp();
} catch (error) {
	// Help and version end here as well, with exit code 0.
	if (!(error instanceof CommanderError) || error.exitCode !== 0) {
		process.stderr.write(`tessera: ${messageOf(error)}\n`);
		process.exitCode = 1;
	}
}
