import { ArgumentError } from "./errors.js";

/** How many levels of nested arrays are printed. */
const printedDepth = 2;

/** A value as error messages print it: strings in quotes, long ones, arrays and objects shortened. */
export function formatValue(value: unknown, depth = printedDepth): string {
	if (typeof value === "string") return JSON.stringify(shortened(value));
	if (typeof value === "bigint") return `${value}n`;
	if (typeof value === "function") return `the function ${value.name || "without a name"}`;
	if (typeof value !== "object" || value === null) return String(value);
	if (Array.isArray(value)) {
		if (depth === 0) return "[…]";
		const elements = Array.from(value.slice(0, 8), (element) => formatValue(element, depth - 1)).join(", ");
		return `[${elements}${value.length > 8 ? ", …" : ""}]`;
	}
	if (isPlainObject(value)) return `{ ${Object.keys(value).slice(0, 8).join(", ")} }`;
	const { length } = value as { readonly length?: unknown };
	if (ArrayBuffer.isView(value) && typeof length === "number") return `${nameOf(value)}(${length})`;
	const says = typeof value.toString === "function" && value.toString !== Object.prototype.toString;
	return says ? shortened(String(value)) : nameOf(value);
}

function shortened(text: string): string {
	return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The name of an object's class, also of one from another window. */
function nameOf(value: object): string {
	const tag = Object.prototype.toString.call(value).slice(8, -1);
	return tag === "Object" ? value.constructor?.name || tag : tag;
}

/** Whether a value was made by `{ … }` or has no prototype; `{ … }` of another window counts. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
	if (typeof value !== "object" || value === null) return false;
	const prototype: object | null = Object.getPrototypeOf(value);
	return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function isPromise(value: unknown): boolean {
	return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The error for an argument that is not what it must be: what is wanted, what was given, and what to do. */
export function wrongArgument(caller: string, name: string, wanted: string, value: unknown, hint = ""): ArgumentError {
	const todo = isPromise(value) ? ": await it first" : hint === "" ? "" : `: ${hint}`;
	return new ArgumentError(`${caller}: ${name} must be ${wanted}, but is ${formatValue(value)}${todo}.`);
}

/** The word of `known` that differs from `word` by the fewest letters, if it is close enough to be a misspelling. */
export function closestWord(word: string, known: readonly string[]): string | undefined {
	let best: string | undefined;
	let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
	for (const candidate of known) {
		const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
		if (distance < bestDistance) {
			best = candidate;
			bestDistance = distance;
		}
	}
	return best;
}

/** Insertions, deletions and substitutions between two words (Levenshtein, 1966). */
function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, j) => j);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++)
			next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
		row = next;
	}
	return row[b.length];
}

/**
 * Checks an options object.
 *
 * @param caller the function, as its user calls it
 * @param known the names of its options
 * @throws ArgumentError if `options` is no plain object, or has a name that is not known
 */
export function checkOptions(caller: string, options: unknown, known: readonly string[]): void {
	if (!isPlainObject(options)) throw wrongArgument(caller, "options", `an object such as { ${known[0]}: … }`, options);
	for (const name of Object.keys(options)) {
		if (known.includes(name)) continue;
		const closest = closestWord(name, known);
		throw new ArgumentError(
			`${caller}: there is no option "${name}"${closest === undefined ? "." : `; did you mean "${closest}"?`} Its options are ${known.join(", ")}.`,
		);
	}
}

/** What a number must be. Without `most` there is no upper bound; `whole` asks for an integer. */
export interface NumberRange {
	readonly least?: number;
	/** Exclusive lower bound. */
	readonly above?: number;
	readonly most?: number;
	/** Exclusive upper bound. */
	readonly below?: number;
	readonly whole?: boolean;
}

/** " of at least 0 and below 1", or nothing for a range without bounds */
export function boundsInWords({ least, above, most, below }: NumberRange): string {
	const bounds = [
		least === undefined ? "" : `of at least ${least}`,
		above === undefined ? "" : `above ${above}`,
		most === undefined ? "" : `at most ${most}`,
		below === undefined ? "" : `below ${below}`,
	].filter((bound) => bound !== "");
	return bounds.length > 0 ? ` ${bounds.join(" and ")}` : "";
}

/** @throws ArgumentError unless the value is a finite number in the range */
export function checkNumber(caller: string, name: string, value: unknown, range: NumberRange = {}): number {
	const { least, above, most, below, whole = false } = range;
	const fits =
		typeof value === "number" &&
		Number.isFinite(value) &&
		(!whole || Number.isInteger(value)) &&
		value >= (least ?? Number.NEGATIVE_INFINITY) &&
		value > (above ?? Number.NEGATIVE_INFINITY) &&
		value <= (most ?? Number.POSITIVE_INFINITY) &&
		value < (below ?? Number.POSITIVE_INFINITY);
	if (fits) return value;
	const wanted = `a ${whole ? "whole" : "finite"} number${boundsInWords(range)}`;
	throw wrongArgument(caller, name, wanted, value);
}

/** @throws ArgumentError unless the value is one of the words */
export function checkWord<W extends string>(caller: string, name: string, value: unknown, words: readonly W[]): W {
	const found = words.find((word) => word === value);
	if (found === undefined) throw wrongArgument(caller, name, words.map((word) => `"${word}"`).join(" or "), value);
	return found;
}

/** @throws ArgumentError unless the value is true or false */
export function checkFlag(caller: string, name: string, value: unknown): void {
	if (typeof value !== "boolean") throw wrongArgument(caller, name, "true or false", value);
}

/** @throws ArgumentError unless the value is an array; `wanted` says of what */
export function checkArray(caller: string, name: string, value: unknown, wanted: string, hint?: string): void {
	if (!Array.isArray(value)) throw wrongArgument(caller, name, wanted, value, hint);
}

/** @throws ArgumentError unless the value is iterable, and no string */
export function checkBatches(caller: string, batches: unknown): void {
	const given = batches as (Partial<Iterable<unknown>> & Partial<AsyncIterable<unknown>>) | null | undefined;
	if (typeof given?.[Symbol.iterator] !== "function" && typeof given?.[Symbol.asyncIterator] !== "function")
		throw wrongArgument(caller, "batches", "an array of functions that make a batch each", batches);
}

/** @throws ArgumentError unless the value is a function */
export function checkFunction(caller: string, name: string, value: unknown): void {
	if (typeof value !== "function") throw wrongArgument(caller, name, "a function", value);
}

/**
 * @param what the class with its article, and how to make one
 * @throws ArgumentError unless the value is an instance of the class
 */
export function checkInstance(
	caller: string,
	name: string,
	value: unknown,
	kind: abstract new (...parameters: never[]) => unknown,
	what: string,
	hint?: string,
): void {
	if (!(value instanceof kind)) throw wrongArgument(caller, name, what, value, hint);
}

/**
 * The numbers of an array or a typed array.
 *
 * @throws ArgumentError for anything else, and for an element that is not a number in the range
 */
export function checkNumbers(caller: string, name: string, value: unknown, range: NumberRange = {}): ArrayLike<number> {
	if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && "length" in value))
		throw wrongArgument(caller, name, "an array of numbers", value);
	const numbers = value as ArrayLike<number>;
	for (let i = 0; i < numbers.length; i++) checkNumber(caller, `${name}[${i}]`, numbers[i], range);
	return numbers;
}

/**
 * A file's bytes, without a copy.
 *
 * @throws ArgumentError unless the value is a Uint8Array or an ArrayBuffer
 */
export function checkBytes(caller: string, name: string, value: unknown): Uint8Array {
	const tag = Object.prototype.toString.call(value);
	if (tag === "[object Uint8Array]") return value as Uint8Array;
	if (tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]")
		return new Uint8Array(value as ArrayBuffer);
	throw wrongArgument(caller, name, "a Uint8Array or an ArrayBuffer", value);
}
