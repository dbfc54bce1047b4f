import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { loadSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, FormatError } from "../../../src/base/errors.js";
import { encodeSafetensors } from "../../../src/io/safetensors.js";
import { checkCodesInRange, codeFormatOf } from "../../../src/node/codes/code_files.js";
import type { CodeBatch, CompleteInfo } from "../../../src/node/codes/code_set.js";
import { npyHeader } from "../../../src/node/codes/npy.js";
import { parseShard, partOf } from "../../../src/node/codes/shards.js";

let folder = "";
const extensions = [".safetensors", ".npy", ".jsonl"] as const;
const test = suite("files of codes");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-codes-"));
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

interface Codes {
	readonly info: CompleteInfo;
	readonly codes: Uint32Array;
	readonly names: readonly string[];
	readonly labels: readonly number[] | undefined;
}

const anyCodes: fc.Arbitrary<Codes> = fc
	.record({
		count: fc.integer({ min: 1, max: 7 }),
		height: fc.integer({ min: 1, max: 4 }),
		width: fc.integer({ min: 1, max: 4 }),
		levels: fc.integer({ min: 1, max: 3 }),
		codes: fc.constantFrom(2, 512, 2 ** 16, 2 ** 16 + 1, 2 ** 31),
		hasLabels: fc.boolean(),
		classes: fc.option(fc.array(fc.string(), { minLength: 1, maxLength: 3 }), { nil: undefined }),
	})
	.chain(({ count, hasLabels, ...info }) => {
		const size = count * info.height * info.width * info.levels;
		return fc.record({
			info: fc.constant({ ...info, codebook: "12345678", model: "9".repeat(64), shard: "1/1" }),
			codes: fc
				.array(fc.nat({ max: info.codes - 1 }), { minLength: size, maxLength: size })
				.map((values) => Uint32Array.from(values)),
			names: fc.array(fc.string({ unit: "grapheme" }), { minLength: count, maxLength: count }),
			labels: hasLabels
				? fc.array(fc.nat({ max: 1000 }), { minLength: count, maxLength: count })
				: fc.constant(undefined),
		});
	});

function batchOf({ info, codes, names, labels }: Codes, first: number, end: number): CodeBatch {
	const size = info.height * info.width * info.levels;
	return {
		count: end - first,
		codes: codes.slice(first * size, end * size),
		names: names.slice(first, end),
		labels: labels?.slice(first, end),
	};
}

async function write(path: string, set: Codes, together = 3): Promise<void> {
	const { info, names, labels } = set;
	const writer = await codeFormatOf("test", path).write(path, { info, names, hasLabels: labels !== undefined });
	for (let first = 0; first < names.length; first += together)
		await writer.append(batchOf(set, first, Math.min(names.length, first + together)));
	await writer.finish();
}

async function read(path: string, info: CompleteInfo, together: number): Promise<Omit<Codes, "info">> {
	const reader = await codeFormatOf("test", path).open(path);
	try {
		const batches: CodeBatch[] = [];
		for await (const batch of reader.read(together, info)) batches.push(batch);
		assert.is(
			batches.reduce((sum, { count }) => sum + count, 0),
			reader.count,
		);
		return {
			codes: Uint32Array.from(batches.flatMap(({ codes }) => Array.from(codes))),
			names: batches.flatMap(({ names = [] }) => names),
			labels: batches[0]?.labels && batches.flatMap(({ labels = [] }) => labels),
		};
	} finally {
		await reader.close();
	}
}

for (const extension of extensions)
	test(`${extension}: what is written is read, in parts of any size`, async () => {
		const path = join(folder, `round${extension}`);
		await fc.assert(
			fc.asyncProperty(anyCodes, fc.integer({ min: 1, max: 8 }), async (set, together) => {
				await write(path, set);
				const reader = await codeFormatOf("test", path).open(path);
				await reader.close();
				const { levels, ...info } = set.info;
				assert.equal(
					{ ...reader.info, levels: undefined, classes: undefined },
					{ ...info, levels: undefined, classes: undefined },
				);
				assert.is(reader.info.levels, levels);
				assert.equal(reader.info.classes, info.classes);
				const found = await read(path, set.info, together);
				assert.equal(found.codes, set.codes);
				assert.equal(found.names, set.names);
				assert.equal(found.labels, set.labels);
			}),
			{ numRuns: 40 },
		);
	});

const example: Codes = {
	info: { height: 2, width: 3, levels: 1, codes: 300, classes: ["cat", "dog"], codebook: "0a", imageHeight: 8 },
	codes: Uint32Array.from({ length: 24 }, (_, i) => (i * 37) % 300),
	names: ["a.png", "b.png", "c/d.png", "ü.png"],
	labels: [0, 1, 1, 0],
};

test("a safetensors file holds a tensor and labels that safetensors' readers read", async () => {
	const path = join(folder, "example.safetensors");
	await write(path, example);
	const { codes, labels } = loadSafetensors(await readFile(path));
	assert.equal([codes?.dtype, codes?.shape], ["uint32", [4, 2, 3]]);
	assert.equal(codes?.data, example.codes);
	assert.equal(Array.from(labels?.data ?? []), [0, 1, 1, 0]);
});

test("images that are left out leave no gap", async () => {
	for (const extension of extensions) {
		const path = join(folder, `left-out${extension}`);
		const { info, names } = example;
		const writer = await codeFormatOf("test", path).write(path, { info, names, hasLabels: true });
		await writer.append(batchOf(example, 0, 1));
		await writer.append(batchOf(example, 3, 4));
		await writer.finish();
		const found = await read(path, info, 8);
		assert.equal(found.names, ["a.png", "ü.png"]);
		assert.equal(found.codes, Uint32Array.from([...example.codes.slice(0, 6), ...example.codes.slice(18)]));
	}
});

test("a .npy file has NumPy's header, 2 bytes up to 65,536 codes", async () => {
	const path = join(folder, "example.npy");
	await write(path, example);
	const bytes = await readFile(path);
	assert.is(bytes.length, 128 + 48);
	assert.is(bytes.toString("latin1", 1, 6), "NUMPY");
	assert.match(
		bytes.toString("latin1", 10, 128),
		/^{'descr': '<u2', 'fortran_order': False, 'shape': \(4, 2, 3\), } +\n$/,
	);
	assert.is(bytes.readUInt16LE(128 + 2), 37);
});

test("a line of .jsonl has class_id and tokens, as 1d-tokenizer's", async () => {
	const path = join(folder, "example.jsonl");
	await write(path, example);
	const [first] = (await readFile(path, "utf8")).split("\n");
	assert.equal(JSON.parse(first as string), { class_id: 0, tokens: [0, 37, 74, 111, 148, 185], name: "a.png" });
});

test("what NumPy and other programs write is read", async () => {
	const int64 = Buffer.alloc(4 * 8);
	for (let i = 0; i < 4; i++) int64.writeBigInt64LE(BigInt(i), 8 * i);
	const path = join(folder, "numpy.npy");
	await writeFile(path, Buffer.concat([npyHeader("<i8", [1, 2, 2]), int64]));
	const info = { height: 2, width: 2, levels: 1, codes: 4 };
	assert.equal((await read(path, info, 1)).codes, Uint32Array.of(0, 1, 2, 3));
	const tensors = join(folder, "torch.safetensors");
	await writeFile(
		tensors,
		encodeSafetensors({ codes: { dtype: "int32", shape: [1, 2, 2], data: Int32Array.of(0, 1, 2, 3) } }),
	);
	assert.equal((await read(tensors, info, 1)).codes, Uint32Array.of(0, 1, 2, 3));
	const lines = join(folder, "other.jsonl");
	await writeFile(lines, '{"class_id": 3, "tokens": [0, 1, 2, 3]}\r\n\n{"class_id": 4, "tokens": [3, 2, 1, 0]}');
	const { codes, labels } = await read(lines, info, 5);
	assert.equal(
		[Array.from(codes), labels],
		[
			[0, 1, 2, 3, 3, 2, 1, 0],
			[3, 4],
		],
	);
});

test("a code that the codebook does not have is named by image, row and column", async () => {
	const codes = Uint32Array.from(example.codes);
	codes[6 + 5] = 300;
	const batch = { ...batchOf(example, 0, 4), codes };
	const check = () => checkCodesInRange("x.npy", batch, 10, example.info);
	assert.throws(
		check,
		/"x\.npy": the code of image 11 \("b\.png"\), row 1, column 2, must be below 300, .* but it is 300\./,
	);
	const path = join(folder, "negative.jsonl");
	for (const wrong of ["-1", "0.5", '"a"', "1e300", "null"]) {
		await writeFile(path, `{"tokens": [0, ${wrong}]}`);
		const info = { height: 1, width: 2, levels: 1, codes: 4 };
		const found = { count: 1, ...(await read(path, info, 1)), names: undefined };
		assert.throws(() => checkCodesInRange(path, found, 0, info), /image 0, row 0, column 1, must be below 4/);
	}
});

/** Reads a file completely: it is read, or an error of these kinds names it. */
async function readsOrRefuses(path: string): Promise<boolean> {
	try {
		const reader = await codeFormatOf("test", path).open(path);
		try {
			const info = { height: 2, width: 3, levels: 1, codes: 300 };
			let first = 0;
			for await (const batch of reader.read(2, { ...info, ...reader.info } as CompleteInfo)) {
				checkCodesInRange(path, batch, first, { ...info, ...reader.info } as CompleteInfo);
				first += batch.count;
			}
			return true;
		} finally {
			await reader.close();
		}
	} catch (error) {
		assert.ok(error instanceof FormatError || error instanceof DataError, String((error as Error).stack));
		assert.ok(error.message.includes(path), error.message);
		return false;
	}
}

for (const extension of extensions)
	test(`${extension}: a truncated file is refused, a changed byte at most read as other codes`, async () => {
		const path = join(folder, `damaged${extension}`);
		await write(path, example);
		const whole = await readFile(path);
		assert.ok(await readsOrRefuses(path));
		for (let part = 0; part < 16; part++) {
			await writeFile(path, whole.subarray(0, Math.floor((part * whole.length) / 16)));
			const isRead = await readsOrRefuses(path);
			// A file of lines may end after any of them.
			if (extension !== ".jsonl") assert.not.ok(isRead, `${part}/16 of the file`);
		}
		await fc.assert(
			fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
				const damaged = Buffer.from(whole);
				damaged[at] = (damaged[at] as number) ^ bits;
				await writeFile(path, damaged);
				await readsOrRefuses(path);
			}),
			{ numRuns: 150 },
		);
	});

test("sizes that the file does not justify are refused without reading", async () => {
	const path = join(folder, "absurd.npy");
	for (const shape of [[2 ** 40, 2, 2], [1, 2 ** 30, 2 ** 30], [1, 0, 5], [0, 2, 2, 2, 2], [5]]) {
		await writeFile(path, Buffer.concat([npyHeader("<u2", shape), Buffer.alloc(8)]));
		assert.not.ok(await readsOrRefuses(path), `${shape}`);
	}
	const lines = join(folder, "sidecar.jsonl");
	await writeFile(lines, '{"tokens": [1, 2]}\n');
	for (const sidecar of ['{"height": 1e9}', '{"height": "2"}', "[]", "{", '{"classes": [1]}']) {
		await writeFile(`${lines}.json`, sidecar);
		assert.not.ok(await readsOrRefuses(lines), sidecar);
	}
});

test("shards are consecutive, of one size or one more, and have every image once", () => {
	fc.assert(
		fc.property(fc.nat({ max: 1000 }), fc.integer({ min: 1, max: 40 }), (count, of) => {
			const parts = Array.from({ length: of }, (_, i) => partOf(parseShard("test", `${i + 1}/${of}`), count));
			const sizes = parts.map(({ first, end }) => end - first);
			assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
			assert.is(parts[0]?.first, 0);
			assert.is(parts.at(-1)?.end, count);
			for (let i = 1; i < of; i++) assert.is(parts[i]?.first, parts[i - 1]?.end);
		}),
	);
	for (const wrong of ["0/4", "5/4", "1/0", "1", "a/b", "1/4/2", "-1/4", "1.5/4", ""])
		assert.throws(() => parseShard("test", wrong), /--shard must be i\/n, counted from 1/);
});

test.run();
