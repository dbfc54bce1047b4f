import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FormatError } from "../../src/base/errors.js";
import { gunzipIfNeeded, parseIdx, readIdx } from "../../src/data/idx.js";
import { imageSetFromIdx } from "../../src/data/image_set.js";

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

function joined(...parts: readonly Uint8Array[]): Uint8Array {
	return Uint8Array.from(parts.flatMap((part) => [...part]));
}

test("reads gzip of several members, and with zeros after the last", async () => {
	const [a, b] = [Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 4, 1, 2), Uint8Array.of(3, 4)];
	const [first, second, empty] = [await gzip(a), await gzip(b), await gzip(new Uint8Array())];
	const zeros = new Uint8Array(512);
	for (const file of [joined(first, second), joined(first, second, zeros), joined(empty, first, empty, second)]) {
		assert.equal([...(await gunzipIfNeeded(file))], [...a, ...b]);
		assert.equal([...readIdx(file).data], [1, 2, 3, 4]);
	}
	await refused(joined(first, Uint8Array.of(7)), /1 bytes after its end/);
	await refused(joined(first, Uint8Array.of(0, 0, 7)), /3 bytes after its end/);
	await refused(joined(first, second.subarray(0, 12)), /truncated or corrupt gzip/);
});

test("reads gzip headers with a name, a comment, extra bytes and a checksum", async () => {
	const packed = await gzip(Uint8Array.of(5, 6));
	const header = [0x1f, 0x8b, 8, 2 + 4 + 8 + 16, 0, 0, 0, 0, 0, 3, 2, 0, 99, 99, 97, 46, 98, 0, 99, 0, 1, 2];
	assert.equal([...(await gunzipIfNeeded(joined(Uint8Array.from(header), packed.subarray(10))))], [5, 6]);
	await refused(Uint8Array.from(header.slice(0, 15)), /truncated or corrupt gzip/);
});

test("unpacks stored, fixed and dynamic blocks as they were", async () => {
	// Noise is stored, short texts have fixed codes, long ones their own; distances and lengths of every size.
	let state = 1;
	const noise = () => {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		return state >>> 24;
	};
	const random = Uint8Array.from({ length: 200_000 }, noise);
	const runs = Uint8Array.from({ length: 100_000 }, (_, i) => Math.floor(Math.sqrt(i)) % 256);
	const far = joined(random.subarray(0, 32_000), random.subarray(0, 32_000), new Uint8Array(70_000));
	for (const bytes of [random, runs, far, random.map((value) => value & 7), Uint8Array.of(1, 2, 1, 2, 1, 2)])
		assert.equal(await gunzipIfNeeded(await gzip(bytes as Uint8Array<ArrayBuffer>)), bytes);
});

test("refuses every single damaged byte of a gzip file, or reads it as it was", async () => {
	const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * i) % 17);
	const packed = await gzip(bytes);
	for (let at = 0; at < packed.length; at++) {
		const damaged = packed.slice();
		damaged[at] ^= 0x55;
		const result = await gunzipIfNeeded(damaged).catch((error: unknown) => error);
		if (!(result instanceof FormatError) && at > 1) assert.equal(result, bytes, `byte ${at}`);
	}
});

test("says what is wrong with deflate data, whatever their checksum", async () => {
	const gzip = (deflated: readonly number[], unpacked: readonly number[]) => {
		let crc = 0xffffffff;
		for (const byte of unpacked) {
			crc ^= byte;
			for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
		}
		const end = new Uint8Array(Uint32Array.of(~crc, unpacked.length).buffer);
		return Uint8Array.of(31, 139, 8, 0, 0, 0, 0, 0, 0, 255, ...deflated, ...end);
	};
	assert.equal([...(await gunzipIfNeeded(gzip([1, 2, 0, 253, 255, 7, 9], [7, 9])))], [7, 9]);
	for (const [deflated, unpacked, words] of [
		[[1, 2, 0, 253, 254, 7, 9], [7, 9], /a stored block of the wrong length/],
		// Fixed codes: a copy of length 3 from one byte back, as the first thing; then the end.
		[[0x03, 0x02, 0x00], [0, 0, 0], /a copy from before its start/],
		// Dynamic codes: of the 19 code lengths the first four are 1.
		[[0x05, 0x00, 0x92, 0x04, 0, 0, 0, 0], [], /too many codes of one length/],
	] as const) {
		const thrown = await Promise.resolve()
			.then(() => gunzipIfNeeded(gzip(deflated, unpacked)))
			.catch((error: unknown) => error);
		assert.instance(thrown, FormatError);
		assert.match(String(thrown), words);
	}
});

test("unpacks no further than the IDX header says, and refuses what the file cannot hold", async () => {
	const megabytes = 64 * 2 ** 20;
	const bomb = await gzip(new Uint8Array(megabytes));
	const failure = async (file: Uint8Array): Promise<string> => {
		const error = await imageSetFromIdx("set", file).catch((reason: unknown) => reason);
		assert.instance(error, FormatError);
		return String(error);
	};
	const start = performance.now();
	assert.match(await failure(bomb), /not an IDX file/);
	const header = (...sizes: readonly number[]) =>
		Uint8Array.from([0, 0, 8, sizes.length, ...sizes.flatMap((size) => [size >>> 24, size >> 16, size >> 8, size])]);
	const following = (head: Uint8Array, zeros: number) =>
		gzip(joined(head, new Uint8Array(zeros)) as Uint8Array<ArrayBuffer>);
	assert.match(await failure(await following(header(1000, 28, 28), 1_000_000)), /bytes to spare/);
	assert.match(await failure(await following(header(10, 28, 28), 100_000)), /bytes to spare/);
	assert.match(await failure(await following(header(60000, 28, 28), 1000)), /truncated/);
	assert.match(await failure(await following(header(60000, 28, 28), 40_000)), /truncated/);
	assert.match(
		await failure(await following(header(60000, 1000, 1000), 40_000)),
		/60000000000 values.*at most 2147483648/,
	);
	assert.ok(performance.now() - start < 3000, "refusing takes long");
	await gunzipIfNeeded(bomb, 1000).then(
		() => assert.unreachable(),
		(error: unknown) => assert.match(String(error), /more than 1000 bytes/),
	);
	assert.is((await gunzipIfNeeded(bomb)).length, megabytes);
});

test.run();
