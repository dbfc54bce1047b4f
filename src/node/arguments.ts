import { ArgumentError } from "../gpu/errors.js";
import type { AdapterChoice } from "./open_device.js";

/** What a command line's parser made of its options. */
export type Options = Readonly<Record<string, unknown>>;

/** The value of --two-words is kept as twoWords. */
function keyOf(name: string): string {
	return name.replace(/-[a-z]/g, ([, letter]) => letter.toUpperCase());
}

function optionOf(options: Options, name: string): unknown {
	return options[keyOf(name)];
}

const adapters: readonly string[] = ["gpu", "lavapipe", "swiftshader"];

/** What the option --adapter is, for the help text. */
export const adapterHelp = "gpu, lavapipe or swiftshader; the first that is there by default";

/** The number of an option. @throws ArgumentError where it is none, or out of range. */
export function number(
	options: Options,
	name: string,
	least: number,
	whole = true,
	most = Number.MAX_SAFE_INTEGER,
): number {
	const given = optionOf(options, name);
	const value = Number(given);
	if (
		typeof given === "boolean" ||
		!Number.isFinite(value) ||
		value < least ||
		value > most ||
		(whole && !Number.isInteger(value))
	)
		throw new ArgumentError(
			`--${name} must be ${whole ? "a whole number" : "a number"} of at least ${least}${most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : ""}, but is ${String(given)}.`,
		);
	return value;
}

/** The text of an option. @throws ArgumentError where it was given more than once, or without a value. */
export function text(options: Options, name: string): string | undefined {
	const value = optionOf(options, name);
	if (value === undefined) return undefined;
	if (typeof value === "string" || typeof value === "number") return String(value);
	throw new ArgumentError(`--${name} was given more than once, or without a value.`);
}

/** One of several words. @throws ArgumentError for another. */
export function oneOf<T extends string>(options: Options, name: string, allowed: readonly T[]): T {
	const value = text(options, name);
	const found = allowed.find((word) => word === value);
	if (found === undefined) throw new ArgumentError(`--${name} must be ${allowed.join(", ")}, but is ${value}.`);
	return found;
}

/** Whole numbers, separated by commas. @throws ArgumentError where one is none, or too small. */
export function numbers(options: Options, name: string, least = 1): number[] {
	const value = text(options, name) ?? "";
	return value.split(",").map((part) => number({ [keyOf(name)]: part.trim() === "" ? Number.NaN : part }, name, least));
}

/** The adapter that --adapter names. @throws ArgumentError for one that there is not. */
export function adapter(options: Options): AdapterChoice | undefined {
	const value = text(options, "adapter");
	if (value === undefined || value === "auto") return undefined;
	if (!adapters.includes(value))
		throw new ArgumentError(`--adapter must be ${adapters.join(", ")} or auto, but is ${value}.`);
	return value as AdapterChoice;
}
