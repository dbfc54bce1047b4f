import { boundsInWords, type NumberRange } from "../../base/arguments.js";

/** Another option with whose other values an option has no effect. */
interface Condition<T> {
	/** The key of the other option, a `WordOption`. */
	readonly option: string;
	/** Its values with which this option has an effect. */
	readonly values: readonly string[];
	/** Why it has none with the others, as a sentence. */
	readonly because?: string;
	/** Defaults with some of these values. */
	readonly defaults?: Readonly<Record<string, T>>;
}

interface ValueOption<T> {
	/** What stands for the value in the help, such as "count" in `--epochs <count>`. */
	readonly value: string;
	/** What the option does, without the accepted values and the default, which the help adds. */
	readonly help: string;
	/** Without a default the value is undefined if the option is not given. */
	readonly default?: T;
	/** What the help says of an option without a default: what happens if it is not given. */
	readonly otherwise?: string;
	readonly onlyWith?: Condition<T>;
}

export interface NumberOption extends ValueOption<number>, NumberRange {
	readonly kind: "number";
	readonly odd?: boolean;
	readonly divisibleBy?: number;
}

/** Numbers separated by commas, each within the range. */
export interface NumbersOption extends ValueOption<readonly number[]>, NumberRange {
	readonly kind: "numbers";
	readonly mostNumbers?: number;
}

export interface WordOption extends ValueOption<string> {
	readonly kind: "word";
	readonly words: readonly string[];
}

export interface TextOption extends ValueOption<string> {
	readonly kind: "text";
}

/** An option without a value. A name that begins with "no" is `--no-…`. */
export interface FlagOption {
	readonly kind: "flag";
	readonly help: string;
}

export type Option = NumberOption | NumbersOption | WordOption | TextOption | FlagOption;

/** The options of a command by key: `deadBelow` is `--dead-below`. */
export type Options = Readonly<Record<string, Option>>;

type OrUndefined<O, T> = O extends { readonly default: unknown } ? T : T | undefined;

type ValueOf<O extends Option> = O extends FlagOption
	? boolean
	: O extends NumberOption
		? OrUndefined<O, number>
		: O extends NumbersOption
			? OrUndefined<O, readonly number[]>
			: O extends WordOption
				? OrUndefined<O, O["words"][number]>
				: OrUndefined<O, string>;

/** The values of options, checked. */
export type Values<O extends Options> = { readonly [Key in keyof O]: ValueOf<O[Key]> };

/** `deadBelow` → `--dead-below` */
export function flagOf(key: string): string {
	return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** An option as it is called: `--epochs <count>`. */
export function usageOf(key: string, option: Option): string {
	return option.kind === "flag" ? flagOf(key) : `${flagOf(key)} <${option.value}>`;
}

/** What an option accepts, in words. */
export function acceptedBy(option: Option): string {
	switch (option.kind) {
		case "flag":
			return "";
		case "word":
			return listed(option.words);
		case "text":
			return "text";
		case "numbers":
			return `${option.mostNumbers === undefined ? "" : `up to ${option.mostNumbers} `}${option.whole ? "whole " : ""}numbers${boundsInWords(option)}, separated by commas`;
		case "number": {
			const { odd = false, divisibleBy } = option;
			const divisor = divisibleBy === undefined ? "" : `, ${divisible(divisibleBy)}`;
			return `a ${option.whole ? "whole " : ""}number${boundsInWords(option)}${odd ? ", odd" : ""}${divisor}`;
		}
	}
}

/** The default of an option, in words; nothing if there is none to speak of. */
export function defaultOf(option: Option): string {
	if (option.kind === "flag") return "";
	const { default: value, otherwise = "", onlyWith } = option;
	const defaults = Object.entries<unknown>(onlyWith?.defaults ?? {});
	const isAlwaysOther = onlyWith !== undefined && defaults.length === onlyWith.values.length;
	const general = value === undefined ? otherwise : isAlwaysOther ? "" : String(value);
	return [general, ...defaults.map(([word, other]) => `${other} with ${word}`)]
		.filter((part) => part !== "")
		.join("; ");
}

/** What follows an option in a command's `--help`. */
export function helpOf(option: Option): string {
	const words = option.kind === "word" ? `: ${listed(option.words)}` : "";
	const odd = option.kind === "number" && option.odd ? ", odd" : "";
	const divisor = option.kind === "number" && option.divisibleBy ? `, ${divisible(option.divisibleBy)}` : "";
	const value = defaultOf(option);
	return `${option.help}${words}${odd}${divisor}${value === "" ? "" : ` (default: ${value})`}`;
}

/** "even", or "divisible by 4" */
export function divisible(divisor: number): string {
	return divisor === 2 ? "even" : `divisible by ${divisor}`;
}

/** "a, b or c" */
export function listed(words: readonly string[]): string {
	return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
