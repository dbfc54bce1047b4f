import { type Command, Option } from "commander";
import { ArgumentError } from "../../../base/errors.js";
import { adapterHelp } from "../arguments.js";

/** An option as a command's help lists it: its flags, what it says of them, and its default if it has one. */
export type OptionLine = readonly [flags: string, description: string, value?: string | number];

export const adapterOption: OptionLine = ["--adapter <name>", adapterHelp];

/** Adds options, each of which may be given once. */
export function addOptions(command: Command, lines: readonly OptionLine[]): Command {
	for (const [flags, description, value] of lines) {
		const option = new Option(flags, description);
		if (option.required) option.argParser(once(option.long ?? flags));
		if (value !== undefined) option.default(String(value), String(value));
		command.addOption(option);
	}
	return command;
}

/** Hands the text on, once: which of two values was meant cannot be known. */
function once(name: string): (text: string) => string {
	let first: string | undefined;
	return (text) => {
		if (first !== undefined)
			throw new ArgumentError(`tessera: ${name} was given more than once, as "${first}" and "${text}": give it once.`);
		first = text;
		return text;
	};
}

/** Shows how a command is called, behind its help. */
export function addExamples(command: Command, ...lines: readonly string[]): Command {
	return command.addHelpText(
		"after",
		`\nExample${lines.length > 1 ? "s" : ""}:\n${lines.map((line) => `  $ ${line}`).join("\n")}`,
	);
}
