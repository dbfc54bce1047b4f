import { ArgumentError } from "./errors.js";

/** A value as error messages print it: strings in quotes, arrays and objects shortened. */
export function formatValue(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
	if (typeof value === "function") return `the function ${value.name || "without a name"}`;
	if (typeof value !== "object" || value === null) return String(value);
	if (Array.isArray(value)) {
		const elements = value.slice(0, 8).map(formatValue).join(", ");
		return `[${elements}${value.length > 8 ? ", …" : ""}]`;
	}
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype === null || prototype === Object.prototype) return `{ ${Object.keys(value).slice(0, 8).join(", ")} }`;
	return String(value).startsWith("[object ") ? value.constructor.name : String(value);
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
	const prototype: unknown = typeof options === "object" && options !== null ? Object.getPrototypeOf(options) : false;
	if (prototype !== null && prototype !== Object.prototype)
		throw new ArgumentError(
			`${caller}: options must be an object such as { ${known[0]}: … }, but is ${formatValue(options)}.`,
		);
	for (const name of Object.keys(options as object)) {
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
	const bounds = [
		least === undefined ? "" : `of at least ${least}`,
		above === undefined ? "" : `above ${above}`,
		most === undefined ? "" : `at most ${most}`,
		below === undefined ? "" : `below ${below}`,
	].filter((bound) => bound !== "");
	throw new ArgumentError(
		`${caller}: ${name} must be a ${whole ? "whole" : "finite"} number${bounds.length > 0 ? ` ${bounds.join(" and ")}` : ""}, but is ${formatValue(value)}.`,
	);
}

/** @throws ArgumentError unless the value is one of the words */
export function checkWord<W extends string>(caller: string, name: string, value: unknown, words: readonly W[]): W {
	const found = words.find((word) => word === value);
	if (found === undefined)
		throw new ArgumentError(
			`${caller}: ${name} must be ${words.map((word) => `"${word}"`).join(" or ")}, but is ${formatValue(value)}.`,
		);
	return found;
}
