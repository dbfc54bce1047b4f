import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gunzipIfNeeded, parseIdx } from "../../src/data/idx.js";
import { FormatError } from "../../src/gpu/errors.js";

const test = suite("idx");

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
	const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
	return new Uint8Array(await new Response(packed).arrayBuffer());
}

async function refused(bytes: Uint8Array, pattern: RegExp): Promise<void> {
	const error = await gunzipIfNeeded(bytes).then(
		() => undefined,
		(reason: unknown) => reason,
	);
	assert.instance(error, FormatError);
	assert.match(String(error), pattern);
}

test("reads shape and values", () => {
	const { shape, data } = parseIdx(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255));
	assert.equal(shape, [2, 3]);
	assert.equal([...data], [1, 2, 3, 4, 5, 255]);
});

test("reads big-endian sizes, from any offset of a buffer", () => {
	const file = new Uint8Array(3 + 8 + 0x0102);
	file.set([0, 0, 8, 1, 0, 0, 1, 2], 3);
	assert.equal(parseIdx(file.subarray(3)).shape, [0x0102]);
});

test("reads a set without images", () => {
	const { shape, data } = parseIdx(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 28));
	assert.equal(shape, [0, 28]);
	assert.is(data.length, 0);
});

test("refuses other types by name", () => {
	for (const [type, name] of [
		[9, "signed byte"],
		[11, "short"],
		[12, "int"],
		[13, "float"],
		[14, "double"],
	] as const) {
		assert.throws(
			() => parseIdx(Uint8Array.of(0, 0, type, 1, 0, 0, 0, 0)),
			(error: Error) => error instanceof FormatError && error.message.includes(name),
		);
	}
});

test("refuses what is not IDX, truncated, or too long", () => {
	const refusals: [number[], RegExp][] = [
		[[], /not an IDX file/],
		[[0, 0, 8], /not an IDX file/],
		[[1, 0, 8, 1, 0, 0, 0, 0], /not an IDX file/],
		[[0x1f, 0x8b, 8, 1, 0, 0, 0, 0], /not an IDX file/],
		[[0, 0, 7, 1, 0, 0, 0, 0], /not an IDX file/],
		[[0, 0, 8, 0], /without dimensions/],
		[[0, 0, 8, 3, 0, 0, 0, 1, 0, 0], /truncated.* 16 bytes/],
		[[0, 0, 8, 1, 0, 0, 0, 3, 1, 2], /truncated.*\[3\].* 3 values, it holds 2/],
		[[0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1], /truncated/],
		[[0, 0, 8, 1, 0, 0, 0, 1, 1, 2], /bytes to spare.* 1 values, it holds 2/],
	];
	for (const [bytes, pattern] of refusals) {
		assert.throws(
			() => parseIdx(Uint8Array.from(bytes)),
			(error: Error) => error instanceof FormatError && pattern.test(error.message),
			`[${bytes}] should be refused with ${pattern}`,
		);
	}
});

test("unpacks gzip, and leaves the rest alone", async () => {
	const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
	assert.equal(await gunzipIfNeeded(await gzip(bytes)), bytes);
	assert.is(await gunzipIfNeeded(bytes), bytes);
	const empty = new Uint8Array();
	assert.is(await gunzipIfNeeded(empty), empty);
});

test("unpacks gzip that is a view into a larger buffer", async () => {
	const packed = await gzip(Uint8Array.of(1, 2, 3));
	const larger = new Uint8Array(packed.length + 20);
	larger.set(packed, 10);
	assert.equal([...(await gunzipIfNeeded(larger.subarray(10, 10 + packed.length)))], [1, 2, 3]);
});

test("refuses truncated and corrupt gzip", async () => {
	const packed = await gzip(Uint8Array.from({ length: 5000 }, (_, i) => (i * i * i) % 253));
	for (const length of [3, 10, packed.length >> 1, packed.length - 1]) {
		await refused(packed.subarray(0, length), /truncated or corrupt gzip/);
	}
	const wrongSum = packed.slice();
	wrongSum[wrongSum.length - 6] ^= 1;
	await refused(wrongSum, /truncated or corrupt gzip/);
});

test.run();
