import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { CodebookQuantizer, FiniteScalarQuantizer, ResidualQuantizer } from "tessera-gpu/quantizers";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { saveSafetensors } from "../../../src/io/checkpoint.js";
import { toBytes, toNetwork } from "../../../src/node/images/pictures.js";
import { readMetrics, readPictures } from "../../../src/node/report/read_run.js";
import { collectPictures } from "../../../src/node/report/report_data.js";
import type { Picture } from "../../../src/node/report/report_types.js";
import { reportModel, writeReport } from "../../../src/node/report/write_report.js";
import type { Quantizer } from "../../../src/quantizers/quantizer.js";
import { device } from "../../support.js";
import { pictureOfShade } from "./report_data_of.js";
import { digitImages, reportFolder, trainRun } from "./run_files.js";

const gpu = await device();
const small = { inChannels: 1, hiddenChannels: 8, dataVariance: 0.1 };
const model = new VQVAE<Quantizer>(gpu, {
	...small,
	quantizer: new CodebookQuantizer(gpu, { numEmbeddings: 24, embeddingDim: 4 }),
});
const images = digitImages(20, 5);
let path = "";

const test = suite("the data of a report");

test.before(async () => {
	path = join(await mkdtemp(join(tmpdir(), "tessera-report-")), "run <1>");
	await trainRun(gpu, model, path, 6);
});

test.after(() => rm(join(path, ".."), { recursive: true, force: true }));

function pixelsOf({ png }: Picture): number[] {
	return Array.from(decode(Buffer.from(png, "base64")).data);
}

/** An image's reconstruction, and its error over the variance, computed alone. */
async function reconstructed(index: number): Promise<{ bytes: Uint8Array; nmse: number }> {
	const original = await images.read(Uint32Array.of(index));
	const input = toNetwork(original);
	const output = gpu.scope(() => model.reconstruct(gpu.tensor(input, [1, 1, 28, 28])));
	const values = await output.data();
	const sum = values.reduce((sum, value, i) => sum + (value - (input[i] as number)) ** 2, 0);
	return { bytes: toBytes(values), nmse: sum / 784 / 0.1 };
}

test("examples, the worst images and the uses of codes are those of the model", async () => {
	const before = await saveSafetensors(model.stateDict());
	const { examples, worst, codes, maps, images: about, use, step } = await collectPictures(gpu, model, images, 6);
	assert.equal(await saveSafetensors(model.stateDict()), before, "the model is unchanged");
	assert.equal([step, about.looked, about.count, about.shrunk], [6, 20, 20, 1]);
	assert.equal(
		examples.map(({ index }) => index),
		Array.from({ length: 16 }, (_, i) => Math.floor((i * 20) / 16)),
	);
	const alone = await Promise.all(Array.from({ length: 20 }, (_, index) => reconstructed(index)));
	for (const { index, nmse, label, original, reconstruction } of [...examples, ...worst]) {
		const expected = alone[index] as (typeof alone)[number];
		assert.ok(Math.abs(nmse - expected.nmse) < 1e-4 * expected.nmse, `${index}: ${nmse}, not ${expected.nmse}`);
		assert.is(label, images.labels?.[index]);
		assert.equal(pixelsOf(original), Array.from(await images.read(Uint32Array.of(index))));
		const differences = pixelsOf(reconstruction).map((value, i) => Math.abs(value - (expected.bytes[i] as number)));
		assert.ok(Math.max(...differences) <= 1, `image ${index}`);
	}
	const order = alone.map(({ nmse }, index) => ({ nmse, index })).sort((a, b) => b.nmse - a.nmse);
	assert.equal(
		worst.map(({ index }) => index),
		order.slice(0, 8).map(({ index }) => index),
	);
	const all = gpu.scope(() => model.encode(gpu.tensor(toNetwork(images.pixels), [20, 1, 28, 28])));
	const indices = await all.data();
	all.dispose();
	const [level] = codes;
	assert.ok(level !== undefined && codes.length === 1);
	assert.equal([level.total, level.uses, level.shown.length], [24, 20 * 49, 24]);
	for (const [code, uses] of level.shown) assert.is(indices.filter((index) => index === code).length, uses);
	const uses = level.shown.map(([, uses]) => uses);
	assert.equal(
		uses,
		[...uses].sort((a, b) => b - a),
	);
	assert.is(level.unused, uses.filter((count) => count === 0).length);
	assert.is(use[0]?.bins[0], level.unused);
	// Two positions of a map have one colour exactly if they have one code.
	const [map] = maps;
	const colours = decode(Buffer.from(map?.levels[0]?.png ?? "", "base64"));
	assert.equal([map?.index, colours.width, colours.height, colours.channels], [0, 7, 7, 3]);
	const colourOf = (at: number) => colours.data.slice(3 * at, 3 * at + 3).join();
	for (let a = 0; a < 49; a++)
		for (let b = 0; b < a; b++) assert.is(colourOf(a) === colourOf(b), indices[a] === indices[b], `${a} and ${b}`);
});

test("a code's patch is the middle of what the decoder makes of that code", async () => {
	const { codes } = await collectPictures(gpu, model, images, 6);
	const [level] = codes;
	assert.ok(level !== undefined);
	const sheet = decode(Buffer.from(level.patches.png, "base64"));
	assert.equal([sheet.width, sheet.height, level.columns], [24 * 8, 8, 24]);
	for (const rank of [0, 7, 23]) {
		const [code] = level.shown[rank] as readonly [number, number];
		const decoded = gpu.scope(() => model.decode(gpu.tensor(new Uint32Array(25).fill(code), [1, 5, 5])));
		const square = toBytes(await decoded.data());
		decoded.dispose();
		for (let y = 0; y < 8; y++)
			for (let x = 0; x < 8; x++) {
				const difference =
					(sheet.data[y * sheet.width + rank * 8 + x] as number) - (square[(y + 6) * 20 + x + 6] as number);
				assert.ok(Math.abs(difference) <= 1, `code ${code} at ${x}, ${y}`);
			}
	}
});

test("residual and finite scalar quantizers: each level, and at most 1024 codes", async () => {
	for (const [quantizer, levels, total, shown] of [
		[new ResidualQuantizer(gpu, { levels: 2, numEmbeddings: 600, embeddingDim: 2 }), 2, 600, 512],
		[new FiniteScalarQuantizer(gpu, [12, 10, 10]), 1, 1200, 1024],
	] as const) {
		const other = new VQVAE<Quantizer>(gpu, { ...small, quantizer });
		const { codes, maps, use } = await collectPictures(gpu, other, digitImages(3, 1), 0);
		assert.is(codes.length, levels);
		for (const level of codes) {
			assert.equal([level.total, level.shown.length, level.uses], [total, shown, 3 * 49]);
			assert.is(new Set(level.shown.map(([code]) => code)).size, shown);
			assert.is(level.patches.width, 32 * 8);
		}
		assert.equal(
			maps.map((map) => map.levels.length),
			[levels, levels, levels],
		);
		assert.is(
			use[0]?.bins.reduce((sum, bin) => sum + bin),
			levels * total,
		);
		other.dispose();
	}
});

test("images that fill no whole batch are looked at once", async () => {
	const many = digitImages(150, 3);
	const { images: about, codes } = await collectPictures(gpu, model, many, 0);
	assert.equal([about.looked, codes[0]?.uses], [150, 150 * 49]);
	const fewer = await collectPictures(gpu, model, many, 1, { images: { ...about, looked: 70 }, use: [] });
	assert.equal([fewer.images.looked, fewer.codes[0]?.uses], [70, 70 * 49], "as many as before");
	const all = await collectPictures(gpu, model, images, 1, { images: { ...about, looked: 7 }, use: [] });
	assert.is(all.images.looked, 20, "of other images all");
});

test("large images are shown smaller and fewer", async () => {
	const side = 256;
	const read = async (indices: Uint32Array) => new Uint8Array(indices.length * side ** 2).fill(128);
	const {
		examples,
		worst,
		images: about,
	} = await collectPictures(gpu, model, { count: 9, channels: 1, height: side, width: side, read }, 0);
	assert.equal([about.shrunk, examples.length, worst.length], [2, 8, 4]);
	assert.equal([examples[0]?.original.width, examples[0]?.label], [128, undefined]);
});

test("the folder's files become the page; a later page keeps the history, and a prior adds to it", async () => {
	const folder = reportFolder(path);
	await reportModel(folder, gpu, model, images, 6, "running");
	await reportModel(folder, gpu, model, images, 12, "running");
	// Resumed from the checkpoint of step 8.
	await reportModel(folder, gpu, model, images, 9, "finished");
	assert.equal(
		(await readPictures(path))?.use.map(({ step }) => step),
		[6, 9],
	);
	const page = await readFile(join(path, "report.html"), "utf8");
	assert.match(page, /<title>run &#60;1&#62; · Tessera<\/title>/);
	assert.match(page, /data-state="finished"/);
	assert.is(page.match(/<img /g)?.length, 2 * 16 + 2 * 8 + 2 * 6);
	assert.match(page, /<dt>Validation NMSE<\/dt><dd>0\.5/);
	assert.not.match(page, />Prior</);
	await writeFile(join(path, "prior-metrics.jsonl"), '{"type":"step","step":1,"nats":3}\n');
	await writeFile(join(path, "samples.png"), Buffer.from(pictureOfShade(9, 548, 344).png, "base64"));
	await writeFile(join(path, "prior.safetensors"), "damaged");
	await writeReport(folder, "prior", "running");
	const both = await readFile(join(path, "report.html"), "utf8");
	assert.match(both, />Prior<.*alt="Images drawn from the prior"/s);
	assert.match(both, /Training of the prior running/);
	assert.is(both.match(/<img /g)?.length, 2 * 16 + 2 * 8 + 2 * 6 + 1);
	assert.equal(
		(await readdir(path)).filter((name) => name.endsWith(".tmp")),
		[],
	);
	const lists = '"step":1,"examples":[],"worst":[],"maps":[],"codes":[]';
	const sizes = '"count":1,"looked":1,"channels":1,"height":4,"width":4,"shrunk":1';
	const whole = `{"version":1,"images":{${sizes}},${lists},"use":[]}`;
	await writeFile(join(path, "report-data.json"), whole);
	assert.is((await readPictures(path))?.step, 1);
	for (const damaged of [
		"",
		"null",
		whole.slice(0, -1),
		whole.replace('"version":1', '"version":2'),
		whole.replace('"use":[]', '"use":[{"step":1,"bins":["1"]}]'),
		whole.replace('"codes":[]', '"codes":[null]'),
		whole.replace('"examples":[]', '"examples":[{"index":0,"nmse":1}]'),
	]) {
		await writeFile(join(path, "report-data.json"), damaged);
		assert.is(await readPictures(path), undefined, damaged);
	}
	await writeReport(folder, "model", "stopped");
	assert.match(await readFile(join(path, "report.html"), "utf8"), /Training stopped before its end/);
});

test("metrics: other rows and fields, a partial last line, steps that were taken again", async () => {
	const rows = [
		'{"type":"step","step":1,"loss":2,"note":"text","extra":7}',
		'{"type":"step","step":2,"loss":null}',
		'{"type":"step","step":3,"loss":1}',
		"",
		"not JSON",
		'{"type":"step","step":1e999}',
		'{"type":"event","step":3}',
		'{"type":"epoch","step":3,"nmse":0.5}',
		'{"type":"step","step":2,"loss":1.5}',
		'{"type":"epoch","step":2,"nmse":0.6}',
		'{"type":"step","step":3,"lo',
	];
	await appendFile(join(path, "other.jsonl"), rows.join("\n"));
	assert.equal(await readMetrics(path, "other.jsonl"), {
		steps: [
			{ step: 1, loss: 2, extra: 7 },
			{ step: 2, loss: 1.5 },
		],
		tests: [{ nmse: 0.6, step: 2 }],
	});
	assert.equal(await readMetrics(path, "missing.jsonl"), { steps: [], tests: [] });
});

test.run();
