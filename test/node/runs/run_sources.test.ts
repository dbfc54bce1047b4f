import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setOutputMode } from "../../../src/node/runs/output.js";
import { openRunSources, varianceOf } from "../../../src/node/runs/run_sources.js";

const test = suite<{ folder: string }>("the images of a run");

test.before(() => setOutputMode("quiet"));
test.after(() => setOutputMode("text"));

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-sources-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true, force: true });
});

async function writePng(path: string, value: number, width = 8, height = 8): Promise<void> {
	await mkdir(join(path, ".."), { recursive: true });
	const data = new Uint8Array(width * height).fill(value);
	await writeFile(path, encode({ width, height, data, channels: 1, depth: 8 }));
}

const valuesOf = async (source: { count: number; read(indices: Uint32Array): Promise<Uint8Array> }) => {
	const pixels = await source.read(Uint32Array.from({ length: source.count }, (_, i) => i));
	return Array.from({ length: source.count }, (_, i) => pixels[(i * pixels.length) / source.count]);
};

test("val/ is validated on, and test/ left alone; labels are numbers of sorted folders", async ({ folder }) => {
	const data = join(folder, "data");
	for (const [i, part] of ["train", "val", "test"].entries())
		for (const [j, name] of ["b", "a"].entries())
			for (let k = 0; k < 3; k++) await writePng(join(data, part, name, "deep", `${k}.png`), 60 * i + 30 * j + k);
	const sources = await openRunSources({ data, seed: 0 }, folder);
	assert.equal([sources.heldOutName, sources.classes], ["validation", ["a", "b"]]);
	assert.equal(await valuesOf(sources.train), [30, 31, 32, 0, 1, 2]);
	assert.equal([...(sources.train.labels ?? [])], [0, 0, 0, 1, 1, 1]);
	assert.equal(await valuesOf(sources.heldOut), [90, 91, 92, 60, 61, 62]);
	const values = await valuesOf(sources.train);
	const mean = values.reduce((sum, value) => sum + value, 0) / 6;
	const squares = values.reduce((sum, value) => sum + 64 * (value - mean) ** 2, 0);
	assert.ok(Math.abs((await varianceOf(sources.train)) - squares / (6 * 64 - 1) / 255 ** 2) < 1e-12);
	await sources.close();
});

test("without parts a share is held out, the same in each run, of the images that can be read", async ({ folder }) => {
	const data = join(folder, "data");
	for (let i = 0; i < 20; i++) await writePng(join(data, `${String(i).padStart(2, "0")}.png`), i);
	for (const name of ["03.png", "11.png"]) await writeFile(join(data, name), "damaged");
	const opened = async (validation?: number) => openRunSources({ data, seed: 0, validation, maxBad: 0.1 }, folder);
	const first = await opened();
	assert.equal([first.train.count, first.heldOut.count, first.leftOut], [16, 2, 2]);
	const again = await opened();
	assert.equal(await valuesOf(again.heldOut), await valuesOf(first.heldOut));
	assert.is(again.fingerprint, first.fingerprint);
	const half = await opened(0.5);
	assert.equal([half.train.count, half.heldOut.count], [9, 9]);
	const all = [...(await valuesOf(half.train)), ...(await valuesOf(half.heldOut))].sort((a, b) => a - b);
	assert.equal(
		all,
		Array.from({ length: 20 }, (_, i) => i).filter((i) => i !== 3 && i !== 11),
	);
	await writePng(join(data, "20.png"), 20);
	assert.is.not((await opened()).fingerprint, first.fingerprint);
	const two = join(folder, "two");
	await writePng(join(two, "0.png"), 1);
	await writeFile(join(two, "1.png"), "damaged");
	const error = await openRunSources({ data: two, seed: 0, maxBad: 1 }, folder).catch(String);
	assert.match(String(error), /has 1 image, but at least 2 are needed/);
});

test("--images takes a part of all classes; images of several sizes are scaled", async ({ folder }) => {
	const data = join(folder, "data");
	for (const name of ["a", "b", "c"])
		for (let k = 0; k < 20; k++) await writePng(join(data, name, `${k}.png`), k, 20 + k, 24);
	const sources = await openRunSources({ data, seed: 0, images: 30 }, folder);
	assert.equal([sources.train.count + sources.heldOut.count, sources.size], [30, 24]);
	assert.is(new Set([...(sources.train.labels ?? []), ...(sources.heldOut.labels ?? [])]).size, 3);
	const error = await openRunSources({ data, seed: 0, images: 61 }, folder).catch(String);
	assert.match(String(error), /--images must be at most 60/);
});

test.run();
