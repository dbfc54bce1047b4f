import { formatValue } from "../../base/arguments.js";
import { ArgumentError } from "../../base/errors.js";

/** A part of a list: the numbers from `first` (inclusive) to `end` (exclusive). */
export interface Part {
	readonly first: number;
	readonly end: number;
}

/** A shard as it is given: the first of four is 1/4. */
export interface Shard {
	readonly index: number;
	readonly of: number;
}

/** @throws ArgumentError unless the text is i/n with i from 1 to n */
export function parseShard(caller: string, text: string): Shard {
	const [, index, of] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
	const shard = { index: Number(index), of: Number(of) };
	if (index === undefined || shard.of < 1 || shard.index < 1 || shard.index > shard.of)
		throw new ArgumentError(
			`${caller}: --shard must be i/n, counted from 1, such as 1/4 to 4/4, but is ${formatValue(text)}.`,
		);
	return shard;
}

/** The part of `count` items that a shard has: consecutive, all parts of one size or one more. */
export function partOf({ index, of }: Shard, count: number): Part {
	return { first: Math.floor(((index - 1) * count) / of), end: Math.floor((index * count) / of) };
}
