import { checkNumber, closestWord, formatValue, wrongArgument } from "../../base/arguments.js";
import { ArgumentError } from "../../base/errors.js";
import {
	divisible,
	flagOf,
	listed,
	type NumberOption,
	type NumbersOption,
	type Option,
	type Options,
	type Values,
	type WordOption,
} from "./options.js";

/** The texts that a command line gives for options, by key; true for a flag. */
export type Given = Readonly<Record<string, string | true | undefined>>;

/**
 * Reads and checks the values of options.
 *
 * @param caller the command, for messages
 * @throws ArgumentError naming the option if a value is not accepted, or an option has no effect with the others
 */
export function parseOptions<O extends Options>(caller: string, options: O, given: Given): Values<O> {
	const values: Record<string, unknown> = {};
	for (const [key, option] of Object.entries(options)) {
		const text = given[key];
		values[key] =
			option.kind === "flag"
				? text === true
				: typeof text === "string"
					? parse(caller, flagOf(key), option, text)
					: option.default;
	}
	for (const [key, option] of Object.entries(options)) {
		if (option.kind === "flag" || option.onlyWith === undefined) continue;
		const { option: other, values: needed, because, defaults = {} } = option.onlyWith;
		const chosen = String(values[other]);
		if (given[key] === undefined) values[key] = defaults[chosen] ?? option.default;
		else if (!needed.includes(chosen))
			throw new ArgumentError(
				`${caller}: ${flagOf(key)} has no effect with ${flagOf(other)} ${chosen}${because === undefined ? "" : `, because ${because}`}: leave it out, or choose ${flagOf(other)} ${listed(needed)}.`,
			);
	}
	return values as Values<O>;
}

function parse(caller: string, flag: string, option: Exclude<Option, { kind: "flag" }>, text: string): unknown {
	switch (option.kind) {
		case "number":
			return parseNumber(caller, flag, option, text);
		case "numbers":
			return parseNumbers(caller, flag, option, text);
		case "word":
			return parseWord(caller, flag, option, text);
		case "text":
			if (text === "") throw new ArgumentError(`${caller}: ${flag} is empty: give it a value, or leave it out.`);
			return text;
	}
}

function parseNumber(caller: string, flag: string, option: NumberOption | NumbersOption, text: string): number {
	const isNumber = text.trim() !== "" && !Number.isNaN(Number(text));
	const value = checkNumber(caller, flag, isNumber ? Number(text) : text, option);
	if (option.kind === "numbers") return value;
	const { odd = false, divisibleBy } = option;
	if (odd && value % 2 === 0) throw wrongArgument(caller, flag, "odd", value);
	if (divisibleBy !== undefined && value % divisibleBy !== 0)
		throw wrongArgument(caller, flag, divisible(divisibleBy), value);
	return value;
}

function parseNumbers(caller: string, flag: string, option: NumbersOption, text: string): readonly number[] {
	const parts = text.split(",");
	const { mostNumbers = parts.length } = option;
	if (parts.length > mostNumbers)
		throw wrongArgument(caller, flag, `at most ${mostNumbers} numbers, separated by commas`, text);
	return parts.map((part) => parseNumber(caller, flag, option, part));
}

function parseWord(caller: string, flag: string, { words }: WordOption, text: string): string {
	if (words.includes(text)) return text;
	const closest = closestWord(text, words);
	const accepted = words.map((word) => formatValue(word)).join(" or ");
	throw new ArgumentError(
		`${caller}: ${flag} must be ${accepted}, but is ${formatValue(text)}${closest === undefined ? "." : `; did you mean ${formatValue(closest)}?`}`,
	);
}
