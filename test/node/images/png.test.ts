import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { deflateSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FormatError, LimitError } from "../../../src/base/errors.js";
import { decodePng } from "../../../src/node/images/png.js";
import { readImage } from "../../../src/node/images/read_image.js";
import { chunk, GREY, makePng, PALETTE, RGB } from "./png.js";

const test = suite<{ folder: string }>("png");
/** Willem van Schaik's; see make_references.py there for how the references were made. */
const pngSuite = resolve("test", "pngsuite");
const references: Record<string, object> = JSON.parse(readFileSync(join(pngSuite, "references.json"), "utf8"));
const names = readdirSync(pngSuite).flatMap((file) => /^(.*)\.png$/.exec(file)?.[1] ?? []);
const open = (name: string) => readFileSync(join(pngSuite, `${name}.png`));
const wide = { height: 1, depth: 8, type: GREY, rows: [[1, 2, 3]] };

function refused(bytes: Uint8Array, pattern: RegExp, type: typeof FormatError | typeof LimitError = FormatError): void {
	assert.throws(
		() => decodePng(bytes),
		(error: Error) => error instanceof type && pattern.test(error.message),
		`should be refused with ${pattern}`,
	);
}

interface FoundChunk {
	readonly name: string;
	readonly data: Buffer;
}

function split(file: Buffer): FoundChunk[] {
	const chunks: FoundChunk[] = [];
	for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
		const name = file.toString("latin1", at + 4, at + 8);
		chunks.push({ name, data: file.subarray(at + 8, at + 8 + file.readUInt32BE(at)) });
	}
	return chunks;
}

/** The file of these chunks, with right checksums. */
function assemble(chunks: readonly FoundChunk[]): Buffer {
	const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
	return Buffer.concat([signature, ...chunks.map(({ name, data }) => chunk(name, data))]);
}

/** The file with this instead of each chunk. */
function changed(file: Buffer, change: (part: FoundChunk) => readonly FoundChunk[]): Buffer {
	return assemble(split(file).flatMap(change));
}

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-png-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

test("reads every valid file of PngSuite as ImageMagick does", async () => {
	const valid = names.filter((name) => !name.startsWith("x"));
	assert.equal(valid.sort(), Object.keys(references).sort());
	assert.is(valid.length, 161);
	for (const name of valid) {
		const { pixels, ...sizes } = await readImage(join(pngSuite, `${name}.png`));
		const sha256 = createHash("sha256").update(pixels).digest("hex");
		assert.equal({ ...sizes, sha256 }, references[name], name);
	}
});

test("refuses every broken file of PngSuite", async () => {
	const broken = names.filter((name) => name.startsWith("x"));
	assert.is(broken.length, 14);
	for (const name of broken) {
		const error = await readImage(join(pngSuite, `${name}.png`)).catch((reason: unknown) => reason);
		assert.instance(error, FormatError, name);
		assert.match(String(error), name);
	}
});

test("refuses image data that end 1 to 28 bytes short, with a right checksum", () => {
	for (const name of ["basn2c08", "basn0g01", "basi3p04", "basn6a16"]) {
		const data = Buffer.concat(split(open(name)).flatMap((part) => (part.name === "IDAT" ? [part.data] : [])));
		const withData = (content: Buffer) => {
			let written = false;
			return changed(open(name), (part) => {
				if (part.name !== "IDAT") return [part];
				const first = !written;
				written = true;
				return first ? [{ name: "IDAT", data: content }] : [];
			});
		};
		assert.equal(decodePng(withData(data)), decodePng(open(name)));
		for (let short = 1; short <= 28; short++)
			refused(withData(data.subarray(0, data.length - short)), /do not hold the 32 × 32 pixels/);
	}
});

test("refuses too few and too many rows, and an unknown filter", () => {
	refused(makePng({ ...wide, width: 3, height: 2 }), /do not hold/);
	refused(makePng({ ...wide, width: 3, rows: [...wide.rows, [4, 5, 6]] }), /larger than its pixels/);
	const odd = changed(makePng({ ...wide, width: 3 }), (part) =>
		part.name === "IDAT" ? [{ name: "IDAT", data: deflateSync(Buffer.of(5, 1, 2, 3)) }] : [part],
	);
	refused(odd, /filter 5/);
	const apart = changed(makePng({ ...wide, width: 3 }), (part) =>
		part.name === "IDAT"
			? [
					{ name: "IDAT", data: part.data.subarray(0, 4) },
					{ name: "tEXt", data: Buffer.from("a\0b") },
					{ name: "IDAT", data: part.data.subarray(4) },
				]
			: [part],
	);
	refused(apart, /IDAT/);
});

test("refuses a missing palette, and one that lacks a colour", () => {
	const parts = { width: 2, height: 1, depth: 8, type: PALETTE, rows: [[0, 2]] };
	refused(makePng(parts), /palette is missing/);
	refused(makePng({ ...parts, chunks: [["PLTE", [1, 2, 3, 4, 5, 6]]] }), /index 2, but the palette has 2 colours/);
	refused(makePng({ ...parts, chunks: [["PLTE", [1, 2, 3, 4]]] }), /palette has 4 bytes/);
});

test("skips damaged ancillary chunks, refuses damaged and unknown critical ones", () => {
	const good = makePng({
		...wide,
		width: 3,
		chunks: [
			["tEXt", [65, 0, 66]],
			["iCCP", [1, 2, 3]],
		],
	});
	const pixels = [1, 2, 3];
	for (const name of ["tEXt", "iCCP"]) {
		const damaged = Buffer.from(good);
		damaged[damaged.indexOf(name) + 4] ^= 1;
		assert.equal([...decodePng(damaged).pixels], pixels, name);
	}
	for (const name of ["IHDR", "IDAT", "IEND"]) {
		const damaged = Buffer.from(good);
		damaged[damaged.indexOf(name) + (name === "IEND" ? 5 : 11)] ^= 1;
		refused(damaged, new RegExp(`checksum of its ${name}`));
	}
	refused(makePng({ ...wide, width: 3, chunks: [["ABCD", []]] }), /ABCD/);
	const damaged = makePng({ ...wide, width: 3, chunks: [["tRNS", [0, 2]]] });
	assert.equal([...decodePng(damaged).pixels], [1, 0, 3]);
	damaged[damaged.indexOf("tRNS") + 8] ^= 1;
	assert.equal([...decodePng(damaged).pixels], pixels);
});

test("reads a true-colour image of one pixel with a transparent colour", () => {
	const one = { width: 1, height: 1, depth: 8, type: RGB, rows: [[7, 8, 9]] };
	assert.equal([...decodePng(makePng({ ...one, chunks: [["tRNS", [0, 7, 0, 8, 0, 9]]] })).pixels], [0, 0, 0]);
	assert.equal([...decodePng(makePng({ ...one, chunks: [["tRNS", [0, 7, 0, 8, 0, 8]]] })).pixels], [7, 8, 9]);
});

test("refuses absurd sizes from the header, before anything is unpacked", () => {
	const before = process.memoryUsage().rss;
	const start = performance.now();
	for (const [width, height, depth, type] of [
		[20_000, 20_000, 8, GREY],
		[65_000, 65_000, 1, GREY],
		[7_000, 7_000, 16, RGB],
	] as const)
		refused(
			makePng({ ...wide, width, height, depth, type }),
			new RegExp(`${width} × ${height}.*at most 134217728`),
			LimitError,
		);
	for (const [width, height] of [
		[0, 1],
		[1, 0],
		[2 ** 31, 1],
		[1, 2 ** 32 - 5],
	])
		refused(makePng({ ...wide, width, height }), /header says/);
	// Allowed by the limit, but not by what the file holds.
	refused(makePng({ ...wide, width: 11_000, height: 11_000 }), /do not hold/);
	// Ten megabytes of zeros for a pixel.
	const rows = [Array.from({ length: 10_000 }, () => 0)];
	refused(makePng({ ...wide, width: 1, rows: Array.from({ length: 100 }, () => rows[0]) }), /larger than its pixels/);
	assert.ok(performance.now() - start < 2000, "refusing takes long");
	assert.ok(process.memoryUsage().rss - before < 2 ** 27, "refusing takes memory");
});

test("names the file in a limit error", async ({ folder }) => {
	const path = join(folder, "large.png");
	await writeFile(path, makePng({ ...wide, width: 20_000, height: 20_000 }));
	const error = await readImage(path).catch((reason: unknown) => reason);
	assert.instance(error, LimitError);
	assert.match(String(error), /large\.png.*20000 × 20000 pixels/);
});

test.run();
