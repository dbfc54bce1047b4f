import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDigits } from "../../../src/data/digits.js";
import { imageGrid } from "../../../src/node/images/image_grid.js";
import { type Image, readImage } from "../../../src/node/images/read_image.js";
import { checkMistakes, type Outcome, runTessera } from "./command_line.js";

let folder = "";
const run = join("runs", "digits");
const tessera = (words: readonly string[], watch?: Parameters<typeof runTessera>[2]): Promise<Outcome> =>
	runTessera(folder, words, watch);

/** Writes images as PNG files and gives their names. */
async function writeImages(names: readonly string[], size: number, pixels: Uint8Array): Promise<void> {
	for (const [i, name] of names.entries()) {
		const images = pixels.slice(i * size * size, (i + 1) * size * size);
		const sizes = { count: 1, channels: 1, height: size, width: size, columns: 1, scale: 1, gap: 0 };
		await writeFile(join(folder, name), imageGrid({ images, ...sizes }));
	}
}

const small = ["--batch", "16", "--channels", "4", "--layers", "2"];

const test = suite("the command line of the prior");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-prior-"));
	const { code, errors } = await tessera([
		"train",
		"--images",
		"48",
		"--batch",
		"16",
		"--codes",
		"24",
		"--dim",
		"4",
		"--hidden",
		"8",
		"--epochs",
		"1",
	]);
	assert.is(code, 0, errors);
	await writeImages(["a.png", "b.png"], 28, generateDigits(2, 7).pixels);
	const small = { count: 1, channels: 1, height: 20, width: 24, columns: 1, scale: 1, gap: 0 };
	await writeFile(join(folder, "small.png"), imageGrid({ images: new Uint8Array(480), ...small }));
	await writeImages(["odd.png"], 27, new Uint8Array(27 * 27));
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

test("sample and complete say what to do if there is no prior yet", async () => {
	for (const words of [
		["sample", run],
		["complete", run, "a.png"],
	]) {
		const { code, errors } = await tessera(words);
		assert.is(code, 1);
		assert.match(errors, "has no prior yet: run `tessera train-prior runs/digits` first");
	}
});

test("train-prior leaves weights, metrics, samples and a chart, and reports bits", async () => {
	const { code, output, errors } = await tessera(["train-prior", run, ...small, "--epochs", "2"]);
	assert.is(code, 0, errors);
	const rows = (await readFile(join(folder, run, "prior-metrics.jsonl"), "utf8"))
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
	assert.equal(
		rows.filter(({ type }) => type === "step").map(({ step }) => step),
		[1, 2, 3, 4, 5, 6],
	);
	const epochs = rows.filter(({ type }) => type === "epoch");
	assert.is(epochs.length, 2);
	for (const { nats, bitsPerImage, bitsPerDim } of epochs) {
		assert.ok(nats > 0 && nats < 5, `${nats}`);
		assert.ok(Math.abs(bitsPerImage - (nats * 49) / Math.LN2) < 1e-9 * bitsPerImage);
		assert.ok(Math.abs(bitsPerDim - bitsPerImage / 784) < 1e-9);
	}
	const { nats, bitsPerImage } = epochs[1];
	assert.match(output, `Test: ${nats.toFixed(4)} nats per code, ${bitsPerImage.toFixed(1)} bits per image`);
	assert.match(output, `given its class, ${(bitsPerImage + Math.log2(10)).toFixed(1)} with the 3.3 bits of the class`);
	assert.match(output, /at a test NMSE of \d\.\d{4}/);
	assert.match(await readFile(join(folder, run, "prior-chart.svg"), "utf8"), /^<svg/);
	assert.ok((await readImage(join(folder, run, "samples.png"))).width > 200);
	const dict = loadSafetensors(await readFile(join(folder, run, "prior.safetensors")));
	assert.equal([...(dict["embedding.weight"]?.shape ?? [])], [24, 4]);
});

test("the same seed gives a prior that is the same, byte for byte, with dropout another one", async () => {
	const weights = () => readFile(join(folder, run, "prior.safetensors"));
	const first = await weights();
	const { code, errors } = await tessera(["train-prior", run, ...small, "--epochs", "2"]);
	assert.is(code, 0, errors);
	assert.equal(await weights(), first);
	const dropped: Buffer[] = [];
	for (const p of ["0.3", "0.3", "0.5"]) {
		const { code, errors } = await tessera(["train-prior", run, ...small, "--epochs", "2", "--dropout", p]);
		assert.is(code, 0, errors);
		dropped.push(await weights());
	}
	assert.equal(dropped[1], dropped[0]);
	assert.not.equal(dropped[0], first);
	assert.not.equal(dropped[2], dropped[0]);
});

test("sample writes a row for each class, or images of one", async () => {
	const all = await tessera(["sample", run, "--count", "3", "--seed", "5", "--out", "all.png"]);
	assert.is(all.code, 0, all.errors);
	assert.match(all.output, "30 images, a row for each of 10 classes");
	const grid = await readImage(join(folder, "all.png"));
	assert.ok(grid.height > 3 * grid.width, `${grid.height} × ${grid.width}`);
	const words = ["sample", run, "--count", "2", "--class", "7", "--temperature", "0.5", "--top-k", "4"];
	for (const out of ["one.png", "again.png"]) {
		const { code, errors } = await tessera([...words, "--out", out]);
		assert.is(code, 0, errors);
	}
	assert.equal(await readFile(join(folder, "again.png")), await readFile(join(folder, "one.png")));
	assert.is((await tessera([...words, "--seed", "1", "--out", "other.png"])).code, 0);
	assert.not.equal(await readFile(join(folder, "other.png")), await readFile(join(folder, "one.png")));
});

test("sample writes single files into a folder, with the class in the name and larger pixels", async () => {
	const words = ["sample", run, "--count", "3", "--seed", "5", "--out", "files", "--scale", "2"];
	const { code, output, errors } = await tessera(words);
	assert.is(code, 0, errors);
	assert.match(output, "30 images, 3 of each of 10 classes");
	const names = (await readdir(join(folder, "files"))).sort();
	assert.is(names.length, 30);
	assert.equal(names.slice(0, 4), ["0-0.png", "0-1.png", "0-2.png", "1-0.png"]);
	const file = await readImage(join(folder, "files", "7-1.png"));
	assert.equal([file.width, file.height], [56, 56]);
	// The same seed has given a grid before, whose cells are 56 × 56 with a gap of 4.
	const grid = await readImage(join(folder, "all.png"));
	for (const [y, x] of [
		[0, 0],
		[31, 20],
		[55, 55],
	] as const)
		assert.is(file.pixels[y * 56 + x], grid.pixels[(4 + 7 * 60 + y) * grid.width + 4 + 60 + x]);
	const again = await tessera(words);
	assert.is(again.code, 1);
	assert.match(again.errors, /"files\/0-0\.png" exists: choose another folder, or give --overwrite/);
	const config = JSON.parse(await readFile(join(folder, run, "config.json"), "utf8"));
	const classes = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
	await writeFile(join(folder, run, "config.json"), JSON.stringify({ ...config, classes }));
	const named = await tessera([...words.slice(0, -2), "--class", "seven", "--overwrite"]);
	assert.is(named.code, 0, named.errors);
	assert.equal((await readdir(join(folder, "files"))).filter((name) => name.startsWith("s")).sort(), [
		"seven-0.png",
		"seven-1.png",
		"seven-2.png",
	]);
	const wrong = await tessera(["sample", run, "--class", "sevn"]);
	assert.is(wrong.code, 1);
	assert.match(wrong.errors, /or the name of a class \(zero, .*but is "sevn"; did you mean "seven"\?/);
	await writeFile(join(folder, run, "config.json"), JSON.stringify(config));
});

test("complete keeps the part that was asked for, in the picture and in the codes, and draws the rest", async () => {
	// Each cell of the grid is 56 × 56 with a gap of 4; cell 1 shows what is kept, doubled.
	const cell = (image: Image, place: number) => (y: number, x: number) =>
		image.pixels[(4 + 2 * y) * image.width + 4 + place * 60 + 2 * x] as number;
	const inside = {
		top: (y: number, _x: number) => y < 16,
		left: (_y: number, x: number) => x < 16,
		box: (y: number, x: number) => Math.min(y, x) >= 4 && Math.max(y, x) < 24,
	};
	const original = (await readImage(join(folder, "a.png"))).pixels;
	for (const [keep, isKept] of Object.entries(inside)) {
		const words = ["complete", run, "a.png", "b.png", "--keep", keep, "--count", "2", "--out", "done.png"];
		const { code, output, errors } = await tessera(keep === "left" ? [...words, "--class", "3"] : words);
		assert.is(code, 0, errors);
		assert.match(output, "2 images, what is kept, and 2 completions of each");
		const done = await readImage(join(folder, "done.png"));
		assert.ok(done.width > 1.8 * done.height && done.width < 2.2 * done.height, `${done.width} × ${done.height}`);
		const shown = cell(done, 1);
		for (let y = 0; y < 28; y++)
			for (let x = 0; x < 28; x++)
				assert.is(shown(y, x), isKept(y, x) ? original[28 * y + x] : 90, `${keep}: pixel ${x}, ${y}`);
	}
	// Kept codes decode to what the model makes of the image, out of the reach of those that are drawn.
	const whole = await tessera(["reconstruct", run, "a.png", "--out", "whole"]);
	assert.is(whole.code, 0, whole.errors);
	const { pixels } = await readImage(join(folder, "whole", "a.png"));
	const words = ["complete", run, "a.png", "--keep", "left", "--count", "2", "--out", "left.png"];
	assert.is((await tessera(words)).code, 0);
	const completed = cell(await readImage(join(folder, "left.png")), 2);
	for (let y = 0; y < 28; y++)
		for (let x = 0; x < 8; x++) assert.is(completed(y, x), pixels[28 * y + x], `pixel ${x}, ${y} of the kept half`);
});

test("the likeliest codes are those of temperature 0 and of top-k 1, and depend on the class alone", async () => {
	const drawn = async (...words: string[]) => {
		const { code, errors } = await tessera(["sample", run, ...words, "--out", "likeliest.png"]);
		assert.is(code, 0, errors);
		return readImage(join(folder, "likeliest.png"));
	};
	const [cold, first, all] = [
		await drawn("--class", "7", "--count", "2", "--temperature", "0", "--seed", "1"),
		await drawn("--class", "7", "--count", "2", "--top-k", "1", "--seed", "2"),
		await drawn("--count", "2", "--temperature", "0"),
	];
	assert.equal(first.pixels, cold.pixels);
	const row = (image: Image, y: number) => image.pixels.slice(y * image.width, (y + 60) * image.width);
	assert.equal(row(all, 7 * 60), row(cold, 0));
});

test("many completions are drawn in parts, which differ", async () => {
	const words = ["complete", run, "a.png", "--keep", "left", "--count", "34", "--out", "many.png"];
	const { code, output, errors } = await tessera(words);
	assert.is(code, 0, errors);
	assert.match(output, "34 completions");
	const { pixels, width } = await readImage(join(folder, "many.png"));
	const completion = (place: number) =>
		Array.from({ length: 56 * 56 }, (_, i) => pixels[(4 + Math.floor(i / 56)) * width + 4 + place * 60 + (i % 56)]);
	assert.not.equal(completion(2), completion(34));
});

test("another seed gives other completions", async () => {
	for (const seed of ["0", "1"]) {
		const words = ["complete", run, "a.png", "--count", "2", "--seed", seed, "--out", `seed-${seed}.png`];
		const { code, errors } = await tessera(words);
		assert.is(code, 0, errors);
	}
	const [first, second] = await Promise.all(["0", "1"].map((seed) => readFile(join(folder, `seed-${seed}.png`))));
	assert.not.equal(first, second);
});

test("Ctrl-C ends cleanly and keeps what there is", async () => {
	let interrupted = false;
	const words = ["train-prior", run, ...small, "--epochs", "5000"];
	const { code, output, errors } = await tessera(words, (text, interrupt) => {
		if (interrupted || !text.includes("epoch 1: test")) return;
		interrupted = true;
		interrupt();
	});
	assert.is(code, 130, errors);
	const rows = (await readFile(join(folder, run, "prior-metrics.jsonl"), "utf8")).trim().split("\n");
	const last = JSON.parse(rows.at(-1) as string);
	assert.is(last.type, "epoch");
	assert.match(output, `Stopped after ${last.step} steps.`);
	assert.match(output, `Test: ${last.nats.toFixed(4)} nats per code`);
	loadSafetensors(await readFile(join(folder, run, "prior.safetensors")));
});

test("a prior of a model that was trained again after it is refused", async () => {
	const words = ["train", "--images", "16", "--codes", "24", "--dim", "4", "--epochs", "1", "--seed", "1"];
	const before = await readFile(join(folder, run, "prior.safetensors"));
	const { code, errors } = await tessera([...words, "--out", run, "--overwrite"]);
	assert.is(code, 0, errors);
	assert.not.ok((await readdir(join(folder, run))).includes("prior.safetensors"), "--overwrite removes the prior");
	await writeFile(join(folder, run, "prior.safetensors"), before);
	for (const refused of [
		["sample", run],
		["complete", run, "a.png"],
	]) {
		const { code, errors } = await tessera(refused);
		assert.is(code, 1);
		assert.match(
			errors,
			"trained for another model than the one in this folder: run `tessera train-prior runs/digits` again",
		);
	}
	const again = await tessera(["train-prior", run, ...small, "--epochs", "1", "--images", "20"]);
	assert.match(again.output, "on 20 grids of 7 × 7 codes");
	assert.is(again.code, 0, again.errors);
	assert.is((await tessera(["sample", run, "--count", "1"])).code, 0);
});

test("mistakes are named in one line, with exit code 1", async () => {
	await writeFile(join(folder, "config.json"), "{}");
	const cases = [
		[["train-prior", "nowhere"], /There is no file or folder "nowhere"/],
		[["train-prior", "."], /config\.json" does not say/],
		[["train-prior", run, "--kernel", "4"], /--kernel must be odd, but is 4/],
		[["train-prior", run, "--dropout", "1"], /--dropout must be a finite number of at least 0 and below 1, but is 1/],
		[["train-prior", run, "--layers", "0"], /--layers must be a whole number of at least 1/],
		[["train-prior", run, "--layers", "1e9"], /--layers must be at most \d+ here, but is 1000000000/],
		[["train-prior", run, "--channels", "1e9"], /--channels must be at most \d+ here, but is 1000000000/],
		[["train-prior", run, "--kernel", "1000000001"], /--kernel must be at most \d+ here, but is 1000000001/],
		[["sample", "nosuch"], /There is no file or folder "nosuch"/],
		[["sample", "a.png"], /has no model.safetensors/],
		[["sample", run, "--class", "10"], /--class must be from 0 to 9 with the prior of "runs\/digits", but is 10/],
		[["sample", run, "--count", "1e9"], /--count must be at most \d+ here, but is 1000000000/],
		[["sample", run, "--temperature", "-1"], /--temperature must be a finite number of at least 0, but is -1/],
		[["sample", run, "--out", "grid.jpg"], /--out must be a \.png for a grid, or a folder .*, but is "grid\.jpg"/],
		[["sample", run, "--scale", "1e6"], /--scale must be at most \d+ for images of 28 × 28, but is 1000000/],
		[["complete", run], /at least one image/],
		[["complete", run, "a.png", "--keep", "bottom"], /--keep must be "top" or "left" or "box", but is "bottom"/],
		[["complete", run, "a.png", "--out", "a.png"], /"a\.png" would be overwritten/],
		[
			["complete", run, "small.png"],
			/"small\.png" is 24 × 20, but the prior of "runs\/digits" is for images of 28 × 28/,
		],
		[["complete", run, "odd.png"], /"odd\.png" is 27 × 27, but/],
	] as const;
	await checkMistakes(folder, cases, 1); // trainings lock the run
});

test.run();
