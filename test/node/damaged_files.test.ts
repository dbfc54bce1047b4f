import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { encode } from "fast-png";
import { loadSafetensors, TesseraError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { imageSetFromIdx } from "../../src/data/image_set.js";
import { encodeSafetensors } from "../../src/io/safetensors.js";
import { loadCifarFolder } from "../../src/node/datasets/cifar.js";
import { pixelsOf } from "../../src/node/images/cached_images.js";
import { openImageCache } from "../../src/node/images/image_cache.js";
import { decodePng } from "../../src/node/images/png.js";
import { newestCheckpoint } from "../../src/node/runs/checkpoints.js";
import { readMetrics } from "../../src/node/runs/metrics_file.js";
import { readRunConfig } from "../../src/node/runs/run_config.js";

const test = suite<{ folder: string }>("damaged files");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-damaged-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true, force: true });
});

/** Reads a file's content, or throws. */
type Reader = (bytes: Uint8Array) => unknown;

/** @returns whether it could be read; fails if it was refused by anything but one line that is meant for users */
async function isRead(name: string, read: Reader, bytes: Uint8Array): Promise<boolean> {
	const rss = process.memoryUsage().rss;
	try {
		await read(bytes);
		return true;
	} catch (error) {
		assert.ok(error instanceof TesseraError, `${name}: ${(error as Error).stack}`);
		assert.not.match(error.message, "\n", name);
		return false;
	} finally {
		assert.ok(process.memoryUsage().rss - rss < 2 ** 29, `${name}: memory for more than the file can hold`);
	}
}

/** Truncated at each sixteenth, each of the first bytes inverted, and random bytes replaced. */
async function checkDamage(name: string, bytes: Uint8Array, read: Reader, headerBytes = 64): Promise<void> {
	assert.ok(await isRead(name, read, bytes), `${name} itself`);
	for (let part = 0; part < 16; part++) {
		const cut = bytes.subarray(0, Math.floor((bytes.length * part) / 16));
		assert.not.ok(await isRead(`${name}, ${part}/16`, read, cut), `${name} is read although it ends after ${part}/16`);
	}
	for (let at = 0; at < Math.min(headerBytes, bytes.length); at++) {
		const changed = Uint8Array.from(bytes);
		changed[at] ^= 0xff;
		await isRead(`${name}, byte ${at} inverted`, read, changed);
	}
	const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
	await fc.assert(
		fc.asyncProperty(changes, async (places) => {
			const changed = Uint8Array.from(bytes);
			for (const [at, value] of places) changed[at] = value;
			await isRead(`${name}, ${JSON.stringify(places)}`, read, changed);
		}),
		{ numRuns: 60, seed: 17 },
	);
}

const idx = Buffer.concat([Buffer.of(0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 4), Buffer.alloc(80, 7)]);

test("IDX, raw and compressed", async () => {
	await checkDamage("IDX", idx, (bytes) => imageSetFromIdx("test", bytes));
	await checkDamage("IDX in gzip", gzipSync(idx), (bytes) => imageSetFromIdx("test", bytes));
	// A header that promises 2³² images of 4 × 4, and a small file that unpacks to a gigabyte.
	const promising = Buffer.from(idx);
	promising.fill(0xff, 4, 8);
	assert.not.ok(await isRead("IDX of 2³² images", (bytes) => imageSetFromIdx("test", bytes), promising));
	const bomb = gzipSync(Buffer.concat([idx, Buffer.alloc(2 ** 28)]));
	assert.not.ok(await isRead("a gzip bomb", (bytes) => imageSetFromIdx("test", bytes), bomb));
});

test("PNG", async () => {
	const data = Uint8Array.from({ length: 300 }, (_, i) => (37 * i) % 256);
	const png = encode({ width: 10, height: 10, data, channels: 3, depth: 8 });
	await checkDamage("PNG", png, decodePng);
});

test("safetensors", async () => {
	const bytes = encodeSafetensors(
		{
			a: { dtype: "float32", shape: [3, 5], data: new Float32Array(15) },
			b: { dtype: "uint32", shape: [2], data: new Uint32Array(2) },
		},
		{ note: "text" },
	);
	await checkDamage("safetensors", bytes, loadSafetensors, 256);
});

test("CIFAR-10's files", async ({ folder }) => {
	const record = () => Buffer.concat([Buffer.of(3), Buffer.alloc(3072, 9)]);
	for (const name of [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`)) await writeFile(join(folder, name), record());
	await checkDamage("test_batch.bin", Buffer.concat([record(), record()]).subarray(0, 3073), async (bytes) => {
		await writeFile(join(folder, "test_batch.bin"), bytes);
		return loadCifarFolder(folder);
	});
});

test("a damaged checkpoint is passed over, whatever is wrong with it", async ({ folder }) => {
	const state = { steps: { dtype: "int32", shape: [], data: Int32Array.of(4) } } as const;
	const training = { training: JSON.stringify({ step: 4, epoch: 1, batch: 4, seconds: 1 }) };
	const older = encodeSafetensors(state, training);
	await writeFile(join(folder, "checkpoint-00000004.safetensors"), older);
	const newer = encodeSafetensors(state, { training: training.training.replace('"step":4', '"step":8') });
	const path = join(folder, "checkpoint-00000008.safetensors");
	const write = process.stderr.write;
	process.stderr.write = () => true; // what is passed over is reported
	try {
		for (let part = 0; part < 16; part++) {
			await writeFile(path, newer.subarray(0, Math.floor((newer.length * part) / 16)));
			assert.is((await newestCheckpoint(folder, "checkpoint"))?.position.step, 4, `${part}/16`);
		}
		for (const text of ["", "null", "{}", '{"step":-1,"epoch":1,"batch":0,"seconds":1}', '{"step":1.5}']) {
			await writeFile(path, encodeSafetensors(state, { training: text }));
			assert.is((await newestCheckpoint(folder, "checkpoint"))?.position.step, 4, text);
		}
	} finally {
		process.stderr.write = write;
	}
	await writeFile(path, newer);
	assert.is((await newestCheckpoint(folder, "checkpoint"))?.position.step, 8);
});

test("a damaged cache of images is made again", async ({ folder }) => {
	const data = join(folder, "data");
	await mkdir(data);
	for (let i = 0; i < 4; i++)
		await writeFile(
			join(data, `${i}.png`),
			encode({ width: 8, height: 8, data: new Uint8Array(64).fill(i), channels: 1, depth: 8 }),
		);
	const files = (await readdir(data)).sort().map((name) => join(data, name));
	const preparation = { size: undefined, channels: undefined, background: [0, 0, 0], crop: "center" } as const;
	const path = join(folder, "a.images");
	const open = async () => pixelsOf(await openImageCache(path, { folder: data, files, preparation, maxBad: 0 }));
	const wanted = await open();
	const whole = await readFile(path);
	for (let part = 0; part < 16; part++) {
		await writeFile(path, whole.subarray(0, Math.floor((whole.length * part) / 16)));
		assert.equal(await open(), wanted, `${part}/16`);
	}
	// All but the pixels: the header before them, the index and the description after them.
	const places = [...Array(64).keys(), ...Array.from({ length: whole.length - 64 - 256 }, (_, i) => 64 + 256 + i)];
	for (const at of places.filter((_, i) => i < 64 || i % 5 === 0)) {
		const changed = Buffer.from(whole);
		changed[at] ^= 0xff;
		await writeFile(path, changed);
		assert.equal(await open(), wanted, `byte ${at}`);
	}
});

test("config.json and metrics", async ({ folder }) => {
	const config = Buffer.from(JSON.stringify({ data: "digits", seed: 0, images: 8, classes: ["a"] }));
	const path = join(folder, "config.json");
	await checkDamage("config.json", config, async (bytes) => {
		await writeFile(path, bytes);
		return readRunConfig(folder);
	});
	const metrics = join(folder, "metrics.jsonl");
	const text = '{"type":"step","step":1}\nnot JSON\n3\n{"type":"step","step":2}\n{"type":"st';
	await writeFile(metrics, text);
	assert.equal(
		(await readMetrics(metrics)).map(({ step }) => step),
		[1, 2],
	);
});

test.run();
