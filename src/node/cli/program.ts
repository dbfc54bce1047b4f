import { Command, CommanderError } from "commander";
import { TesseraError } from "../../base/errors.js";
import { endWithoutReader } from "../runs/interrupt.js";
import { printResult, warn } from "../runs/output.js";
import { type CommandDeclaration, commanderCommand } from "./command.js";

/** A program with several commands, such as `tessera train`; `describe` adds to its own help. */
export function programWithCommands(
	name: string,
	commands: readonly CommandDeclaration[],
	describe: (program: Command) => void,
): Command {
	const program = quiet(new Command(name));
	describe(program);
	for (const command of commands)
		program.addCommand(commanderCommand(command, `${name} ${command.name}`).copyInheritedSettings(program));
	return program;
}

/** A program that is one command. */
export function programOf(command: CommandDeclaration): Command {
	return quiet(commanderCommand(command, command.name));
}

/** Makes commander throw its errors, which `runProgram` prints. */
function quiet(command: Command): Command {
	return command.exitOverride().configureOutput({ outputError: () => undefined });
}

/** Runs the program with these arguments. A failure is printed in one line, and the exit code is 1. */
export async function runProgram(program: Command, words: readonly string[]): Promise<void> {
	endWithoutReader();
	try {
		await program.parseAsync(words, { from: "user" });
	} catch (error) {
		// For help and version commander throws with exit code 0.
		if (error instanceof CommanderError && error.exitCode === 0) return;
		const command = program.commands.find((known) => known.name() === program.args[0]);
		const caller = command === undefined ? program.name() : `${program.name()} ${command.name()}`;
		const message = messageOf(error, words);
		warn(message.startsWith(`${caller}: `) ? message : `${caller}: ${message}`);
		printResult({ error: message });
		process.exitCode = 1;
	}
}

/** The message of a failure: one line, and the stack only for a bug. */
function messageOf(error: unknown, words: readonly string[]): string {
	if (error instanceof CommanderError && error.code === "commander.help")
		return `there is no command "${words.at(-1)}" to help with.`;
	if (error instanceof CommanderError)
		return error.message.replace(/^error: /, "").replace(/\n\(Did you mean (.*)\?\)$/s, ". Did you mean $1?");
	if (error instanceof TesseraError || (error as NodeJS.ErrnoException).code !== undefined)
		return (error as Error).message;
	return String((error as Error).stack);
}
