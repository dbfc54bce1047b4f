import { FormatError } from "../base/errors.js";

/** The unpacked bytes. */
export interface Output {
	bytes: Uint8Array;
	/** How many of them are filled. */
	length: number;
	/** Makes `bytes` longer, or throws. */
	grow(): void;
}

/** By the next bits of the input: symbol · 16 + the length of its code; 0 if no code starts with these bits. */
interface CodeTable {
	readonly entries: Uint16Array;
	/** Length of the longest code. */
	readonly bits: number;
}

const longestCode = 15;
const endOfBlock = 256;
/** Order in which the lengths of the code-length codes are stored. */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** Extra bits of the symbols from 257 on, and the lengths that they start at. */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const LENGTH_STARTS = [
	3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
/** The same of distances. */
const DISTANCE_BITS = [
	0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const DISTANCE_STARTS = [
	1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
	8193, 12289, 16385, 24577,
];

let fixedTables: readonly [CodeTable, CodeTable] | undefined;

/** The code lengths of the fixed code for literals and lengths. */
function fixedLengths(): Uint8Array {
	return Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
}

function corrupt(reason: string): FormatError {
	return new FormatError(`truncated or corrupt gzip file: ${reason}`);
}

/**
 * Unpacks a deflate stream (RFC 1951) that other bytes follow, such as a gzip trailer.
 *
 * @param start its position in `input`
 * @returns the position of its end
 * @throws FormatError if it is truncated or corrupt
 */
export function inflate(input: Uint8Array, start: number, output: Output): number {
	const reader = new BitReader(input, start);
	let last = false;
	while (!last) {
		last = reader.take(1) === 1;
		const kind = reader.take(2);
		if (kind === 0) copyStored(reader, output);
		else if (kind === 1) {
			fixedTables ??= [codeTable(fixedLengths()), codeTable(new Uint8Array(30).fill(5))];
			copyCoded(reader, output, ...fixedTables);
		} else if (kind === 2) copyCoded(reader, output, ...readTables(reader));
		else throw corrupt("a block of no known kind");
	}
	return reader.alignToByte();
}

/** Reads bits from the least significant one up. */
class BitReader {
	private hold = 0;
	private bits = 0;

	constructor(
		readonly input: Uint8Array,
		private at: number,
	) {}

	/** The next `count` bits, at most 16, without consuming them. */
	private peek(count: number): number {
		while (this.bits < count) {
			if (this.at >= this.input.length) throw corrupt("it ends within its data");
			this.hold |= this.input[this.at++] << this.bits;
			this.bits += 8;
		}
		return this.hold & ((1 << count) - 1);
	}

	take(count: number): number {
		const value = this.peek(count);
		this.drop(count);
		return value;
	}

	private drop(count: number): void {
		this.hold >>>= count;
		this.bits -= count;
	}

	symbol({ entries, bits }: CodeTable): number {
		const entry = entries[this.peek(bits)];
		if (entry === 0) throw corrupt("a code that there is not");
		this.drop(entry & 15);
		return entry >> 4;
	}

	/** Skips to the next whole byte, and returns its position. */
	alignToByte(): number {
		this.at -= this.bits >> 3;
		this.hold = 0;
		this.bits = 0;
		return this.at;
	}

	/** The next `count` bytes, after `alignToByte`. */
	takeBytes(count: number): Uint8Array {
		if (this.at + count > this.input.length) throw corrupt("it ends within its data");
		this.at += count;
		return this.input.subarray(this.at - count, this.at);
	}
}

function copyStored(reader: BitReader, output: Output): void {
	reader.alignToByte();
	const [low, high, notLow, notHigh] = reader.takeBytes(4);
	if (low + notLow !== 255 || high + notHigh !== 255) throw corrupt("a stored block of the wrong length");
	const data = reader.takeBytes(low + 256 * high);
	for (let from = 0; from < data.length; ) {
		if (output.length === output.bytes.length) output.grow();
		const part = data.subarray(from, from + output.bytes.length - output.length);
		output.bytes.set(part, output.length);
		output.length += part.length;
		from += part.length;
	}
}

function readTables(reader: BitReader): [CodeTable, CodeTable] {
	const literals = reader.take(5) + 257;
	const distances = reader.take(5) + 1;
	const lengthCodes = reader.take(4) + 4;
	const codeLengths = new Uint8Array(LENGTH_ORDER.length);
	for (let i = 0; i < lengthCodes; i++) codeLengths[LENGTH_ORDER[i]] = reader.take(3);
	const table = codeTable(codeLengths);
	const lengths = new Uint8Array(literals + distances);
	for (let i = 0; i < lengths.length; ) {
		const symbol = reader.symbol(table);
		if (symbol < 16) {
			lengths[i++] = symbol;
			continue;
		}
		if (symbol === 16 && i === 0) throw corrupt("a code length that repeats none");
		const value = symbol === 16 ? lengths[i - 1] : 0;
		const count = symbol === 16 ? 3 + reader.take(2) : symbol === 17 ? 3 + reader.take(3) : 11 + reader.take(7);
		if (i + count > lengths.length) throw corrupt("more code lengths than codes");
		lengths.fill(value, i, i + count);
		i += count;
	}
	return [codeTable(lengths.subarray(0, literals)), codeTable(lengths.subarray(literals))];
}

/** Codes of the same length are consecutive numbers in the order of their symbols, shorter codes first. */
function codeTable(lengths: Uint8Array): CodeTable {
	const counts = new Uint16Array(longestCode + 1);
	for (const length of lengths) if (length > 0) counts[length]++;
	let bits = 1;
	let code = 0;
	const next = new Uint16Array(longestCode + 1);
	for (let length = 1; length <= longestCode; length++) {
		code = (code + (length > 1 ? counts[length - 1] : 0)) << 1;
		next[length] = code;
		if (counts[length] > 0) bits = length;
		if (code + counts[length] > 1 << length) throw corrupt("too many codes of one length");
	}
	const entries = new Uint16Array(1 << bits);
	for (const [symbol, length] of lengths.entries()) {
		if (length === 0) continue;
		for (let i = reversed(next[length]++, length); i < entries.length; i += 1 << length)
			entries[i] = (symbol << 4) | length;
	}
	return { entries, bits };
}

function reversed(code: number, length: number): number {
	let result = 0;
	for (let bit = 0; bit < length; bit++) result |= ((code >> bit) & 1) << (length - 1 - bit);
	return result;
}

/** Literals, and copies of bytes that were unpacked before. */
function copyCoded(reader: BitReader, output: Output, literals: CodeTable, distances: CodeTable): void {
	while (true) {
		const symbol = reader.symbol(literals);
		if (symbol === endOfBlock) return;
		if (symbol < endOfBlock) {
			if (output.length === output.bytes.length) output.grow();
			output.bytes[output.length++] = symbol;
			continue;
		}
		const lengthIndex = symbol - endOfBlock - 1;
		if (lengthIndex >= LENGTH_STARTS.length) throw corrupt("a length that there is not");
		const length = LENGTH_STARTS[lengthIndex] + reader.take(LENGTH_BITS[lengthIndex]);
		const distanceIndex = reader.symbol(distances);
		if (distanceIndex >= DISTANCE_STARTS.length) throw corrupt("a distance that there is not");
		const distance = DISTANCE_STARTS[distanceIndex] + reader.take(DISTANCE_BITS[distanceIndex]);
		if (distance > output.length) throw corrupt("a copy from before its start");
		copyBack(output, distance, length);
	}
}

/** Byte by byte, because the copy may overlap what it writes. */
function copyBack(output: Output, distance: number, length: number): void {
	let left = length;
	while (left > 0) {
		if (output.length === output.bytes.length) output.grow();
		const { bytes } = output;
		const end = Math.min(bytes.length, output.length + left);
		left -= end - output.length;
		for (let to = output.length; to < end; to++) bytes[to] = bytes[to - distance];
		output.length = end;
	}
}
