import { checkNumber, checkWord, closestWord, formatValue, type NumberRange } from "../../base/arguments.js";
import { ArgumentError } from "../../base/errors.js";
import type { AdapterChoice } from "../adapters/open_device.js";

/** What a command line's parser made of its options: texts, and defaults as they are. */
export type Options = Readonly<Record<string, unknown>>;

/** Who speaks in messages. */
const caller = "tessera";
const adapters = ["gpu", "lavapipe", "swiftshader", "auto"] as const;
/** Seeds are whole numbers below 2³¹. */
const seeds = { least: 0, most: 2 ** 31 - 1, whole: true };

/** What the option --adapter is, for the help text. */
export const adapterHelp = "gpu, lavapipe or swiftshader; the first that is there by default";

/** The value of --two-words is kept as twoWords. */
function keyOf(name: string): string {
	return name.replace(/-[a-z]/g, ([, letter]) => letter.toUpperCase());
}

/** The number of an option. @throws ArgumentError where it is none, or out of range. */
export function number(options: Options, name: string, range: NumberRange): number {
	return parsed(name, options[keyOf(name)], range);
}

/** The whole number of an option. @throws ArgumentError where it is none, or out of range. */
export function whole(options: Options, name: string, least: number, most?: number): number {
	return number(options, name, { least, whole: true, ...(most === undefined ? {} : { most }) });
}

/** The number of an option that may be left out. */
export function optionalWhole(options: Options, name: string, least: number): number | undefined {
	return options[keyOf(name)] === undefined ? undefined : whole(options, name, least);
}

/** The value of --seed. */
export function seed(options: Options): number {
	return number(options, "seed", seeds);
}

function parsed(name: string, given: unknown, range: NumberRange): number {
	const isText = typeof given === "string" && given.trim() !== "" && !Number.isNaN(Number(given));
	return checkNumber(caller, `--${name}`, isText ? Number(given) : given, range);
}

/** The text of an option. @throws ArgumentError where it is empty */
export function text(options: Options, name: string): string | undefined {
	const value = options[keyOf(name)];
	if (value === "") throw new ArgumentError(`${caller}: --${name} is empty: give it a value, or leave it out.`);
	return value === undefined ? undefined : String(value);
}

/** One of several words. @throws ArgumentError for another, naming the one that is spelt alike */
export function oneOf<T extends string>(options: Options, name: string, allowed: readonly T[]): T {
	const value = options[keyOf(name)];
	const closest = typeof value === "string" ? closestWord(value, allowed) : undefined;
	if (closest !== undefined && closest !== value)
		throw new ArgumentError(
			`${caller}: --${name} must be ${allowed.map(formatValue).join(" or ")}, but is ${formatValue(value)}; did you mean ${formatValue(closest)}?`,
		);
	return checkWord(caller, `--${name}`, value, allowed);
}

/** Whole numbers, separated by commas. @throws ArgumentError where one is none, or too small. */
export function numbers(options: Options, name: string, least = 1): number[] {
	const list = String(options[keyOf(name)]).split(",");
	return list.map((part) => parsed(name, part, { least, whole: true }));
}

/** The adapter that --adapter names. @throws ArgumentError for one that there is not. */
export function adapter(options: Options): AdapterChoice | undefined {
	if (options.adapter === undefined) return undefined;
	const choice = oneOf(options, "adapter", adapters);
	return choice === "auto" ? undefined : choice;
}
