import { Command, Option as CommanderOption } from "commander";
import { ArgumentError } from "../../base/errors.js";
import { type OutputMode, setOutputMode } from "../runs/output.js";
import { flagOf, helpOf, type Options, usageOf, type Values } from "./options.js";
import { type Given, parseOptions } from "./parse_options.js";

/** The positional arguments of a command, in order. Only the last may take several words. */
export type Arguments = Readonly<Record<string, { readonly help: string; readonly several?: true }>>;

type ArgumentValues<A extends Arguments> = {
	readonly [Key in keyof A]: A[Key] extends { readonly several: true } ? readonly string[] : string;
};

interface CommandTexts {
	/** As it is called: "train" of `tessera train`. */
	readonly name: string;
	/** For the list of commands. */
	readonly summary: string;
	/** For its own help: one or more sentences. */
	readonly description: string;
	/** How it is called, each a line for the shell. */
	readonly examples: readonly string[];
}

interface TypedCommand<A extends Arguments, O extends Options> extends CommandTexts {
	readonly arguments: A;
	readonly options: O;
	/** @param given the values of the options that were given, without defaults */
	readonly run: (values: ArgumentValues<A> & Values<O>, given: Partial<Values<O>>) => void | Promise<void>;
}

/** A command of a program, declared once: what the program accepts and its help follow from this. */
export interface CommandDeclaration extends CommandTexts {
	readonly arguments: Arguments;
	readonly options: Options;
	/**
	 * Checks the options and runs the command.
	 *
	 * @param caller the command, for messages
	 */
	readonly runWith: (caller: string, words: Readonly<Record<string, unknown>>, given: Given) => Promise<void>;
}

export function defineCommand<const A extends Arguments, const O extends Options>(
	command: TypedCommand<A, O>,
): CommandDeclaration {
	return {
		...command,
		async runWith(caller, words, given) {
			const values = parseOptions(caller, command.options, given);
			const named = Object.entries(values).filter(([key]) => given[key] !== undefined);
			await command.run(
				{ ...(words as ArgumentValues<A>), ...values },
				Object.fromEntries(named) as Partial<Values<O>>,
			);
		},
	};
}

/** A commander command for a declared one, with its help. */
export function commanderCommand(declared: CommandDeclaration, caller: string): Command {
	const { name, summary, description, examples, options } = declared;
	const command = new Command(name).summary(summary).description(description);
	const names = Object.keys(declared.arguments);
	for (const [name, { help, several }] of Object.entries(declared.arguments))
		command.argument(several ? `[${name}...]` : `<${name}>`, help);
	const flags = Object.entries(options).map(([key, option]) => {
		const flag = new CommanderOption(usageOf(key, option), helpOf(option));
		if (option.kind !== "flag") flag.argParser(once(caller, flagOf(key)));
		command.addOption(flag);
		return { key, flag };
	});
	for (const [key, { help }] of Object.entries(outputOptions))
		command.addOption(new CommanderOption(flagOf(key), help));
	command.addHelpText(
		"after",
		`\nExample${examples.length > 1 ? "s" : ""}:\n${examples.map((line) => `  $ ${line}`).join("\n")}`,
	);
	return command.action((...parameters: unknown[]) => {
		const words = Object.fromEntries(names.map((name, i) => [name, parameters[i]]));
		const found = command.opts();
		setOutputMode(outputMode(caller, found));
		// Commander keeps --no-x as x, which is true unless the option is given.
		const given = flags.map(({ key, flag }) => {
			const value: unknown = found[flag.attributeName()];
			return [key, flag.negate ? value === false || undefined : value];
		});
		return declared.runWith(caller, words, Object.fromEntries(given));
	});
}

/** The options that every command has. */
export const outputOptions = {
	json: { kind: "flag", help: "print the result as one line of JSON on stdout, and nothing else" },
	quiet: { kind: "flag", help: "print nothing but errors and warnings" },
} as const satisfies Options;

function outputMode(caller: string, { json, quiet }: Record<string, unknown>): OutputMode {
	if (json === true && quiet === true)
		throw new ArgumentError(`${caller}: --json and --quiet exclude each other: give one of them.`);
	return json === true ? "json" : quiet === true ? "quiet" : "text";
}

/** Returns the text the first time, and refuses a second, because it is not known which of them was meant. */
function once(caller: string, flag: string): (text: string) => string {
	let first: string | undefined;
	return (text) => {
		if (first !== undefined)
			throw new ArgumentError(
				`${caller}: ${flag} was given more than once, as "${first}" and "${text}": give it once.`,
			);
		first = text;
		return text;
	};
}
