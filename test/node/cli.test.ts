import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { loadSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDigits } from "../../src/data/digits.js";
import { encodeSafetensors } from "../../src/io/safetensors.js";
import { imageGrid, readImage } from "../../src/node/image_files.js";
import { type Outcome, runTessera } from "./command_line.js";

let folder = "";

const tessera = (words: readonly string[], watch?: Parameters<typeof runTessera>[2]): Promise<Outcome> =>
	runTessera(folder, words, watch);

const small = ["--images", "48", "--batch", "16", "--codes", "24", "--dim", "4"];

const test = suite("the command line");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-cli-"));
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

test("train leaves weights, metrics, pictures and a chart", async () => {
	const { code, output, errors } = await tessera(["train", ...small, "--epochs", "2"]);
	assert.is(code, 0, errors);
	const run = join(folder, "runs", "digits");
	const files = await readdir(run);
	for (const file of [
		"chart.svg",
		"config.json",
		"epoch-001.png",
		"epoch-002.png",
		"metrics.jsonl",
		"model.safetensors",
		"reconstructions.png",
	])
		assert.ok(files.includes(file), file);
	assert.is(files.length, 7, files.join());
	const rows = (await readFile(join(run, "metrics.jsonl"), "utf8"))
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
	const steps = rows.filter(({ type }) => type === "step");
	assert.equal(
		steps.map(({ step }) => step),
		[1, 2, 3, 4, 5, 6],
	);
	for (const { loss, reconLoss, commitmentLoss, perplexity } of steps) {
		assert.ok(Math.abs(loss - (reconLoss + 0.25 * commitmentLoss)) < 1e-4 * loss, `${loss}`);
		assert.ok(perplexity >= 1 && perplexity <= 24);
	}
	const epochs = rows.filter(({ type }) => type === "epoch");
	assert.is(epochs.length, 2);
	assert.match(output, `Test NMSE ${epochs[1].nmse.toFixed(4)}`);
	assert.match(output, "of 24 codes in use");
	assert.match(output, "runs/digits/model.safetensors");
	const picture = await readImage(join(run, "reconstructions.png"));
	assert.ok(picture.width > 200 && picture.height > 50);
	assert.match(await readFile(join(run, "chart.svg"), "utf8"), /^<svg/);
	const dict = loadSafetensors(await readFile(join(run, "model.safetensors")));
	assert.equal([...(dict["vq_layer.embeddings.weight"]?.shape ?? [])], [24, 4]);
});

test("the same seed gives byte-identical weights, and a taken name a new folder", async () => {
	const { code, errors } = await tessera(["train", ...small, "--epochs", "2"]);
	assert.is(code, 0, errors);
	const weights = (run: string) => readFile(join(folder, "runs", run, "model.safetensors"));
	assert.equal(await weights("digits-2"), await weights("digits"));
	const other = await tessera(["train", ...small, "--epochs", "1", "--seed", "1", "--out", join(folder, "other")]);
	assert.is(other.code, 0, other.errors);
	assert.not.equal(await readFile(join(folder, "other", "model.safetensors")), await weights("digits"));
});

test("Ctrl-C ends cleanly and keeps what there is", async () => {
	let interrupted = false;
	const words = ["train", "--images", "2000", "--batch", "16", "--epochs", "50", "--out", join(folder, "stopped")];
	const { code, output, errors } = await tessera(words, async (text, interrupt) => {
		if (interrupted || !/Training on/.test(text)) return;
		interrupted = true;
		// Not before some steps are done and noted.
		const metrics = join(folder, "stopped", "metrics.jsonl");
		for (let poll = 0; poll < 1200 && (await readFile(metrics, "utf8").catch(() => "")) === ""; poll++)
			await setTimeout(50);
		interrupt();
	});
	assert.is(code, 0, errors);
	assert.match(output, /Stopped after \d+ steps/);
	const files = await readdir(join(folder, "stopped"));
	assert.ok(files.includes("model.safetensors") && files.includes("reconstructions.png"), files.join());
	loadSafetensors(await readFile(join(folder, "stopped", "model.safetensors")));
});

test("summary prints the table of a trained model", async () => {
	const { code, output, errors } = await tessera(["summary", join("runs", "digits", "model.safetensors")]);
	assert.is(code, 0, errors);
	assert.match(output, /Conv2d: 3-1 +\[1, 32, 14, 14\] +320/);
	assert.match(output, /CodebookQuantizer.*\[1, 4, 7, 7\] +96/);
});

test("reconstruct writes a grid, or one image each into a folder, of any size", async () => {
	const { pixels, labels } = generateDigits(2, 7);
	assert.is(labels?.length, 2);
	const paths = ["a.png", "b.png"].map((name) => join(folder, name));
	for (const [i, path] of paths.entries()) {
		const images = pixels.slice(784 * i, 784 * (i + 1));
		await writeFile(
			path,
			imageGrid({ images, count: 1, channels: 1, height: 28, width: 28, columns: 1, scale: 1, gap: 0 }),
		);
	}
	const odd = join(folder, "odd.png");
	const images = new Uint8Array(3 * 13 * 18).fill(100);
	await writeFile(
		odd,
		imageGrid({ images, count: 1, channels: 3, height: 13, width: 18, columns: 1, scale: 1, gap: 0 }),
	);

	const model = join("runs", "digits", "model.safetensors");
	const grid = await tessera(["reconstruct", model, ...paths, "--out", "grid.png"]);
	assert.is(grid.code, 0, grid.errors);
	assert.ok((await readImage(join(folder, "grid.png"))).width > 56);
	assert.is(grid.output.match(/mean squared error/g)?.length, 2);

	const each = await tessera(["reconstruct", model, ...paths, odd, "--out", "each"]);
	assert.is(each.code, 0, each.errors);
	const result = await readImage(join(folder, "each", "odd.png"));
	assert.equal([result.height, result.width], [13, 18]);

	const over = await tessera(["reconstruct", model, ...paths, "--out", folder]);
	assert.is(over.code, 1);
	assert.match(over.errors, /a\.png would be written over/);

	const mixed = await tessera(["reconstruct", model, ...paths, odd, "--out", "grid.png"]);
	assert.is(mixed.code, 1);
	assert.match(mixed.errors, /one size/);
});

test("every quantizer trains, and its model is read back", async () => {
	const brief = ["--images", "32", "--epochs", "1", "--batch", "16", "--out", "chosen"];
	const { pixels } = generateDigits(1, 3);
	const image = join(folder, "digit.png");
	await writeFile(
		image,
		imageGrid({ images: pixels, count: 1, channels: 1, height: 28, width: 28, columns: 1, scale: 1, gap: 0 }),
	);
	for (const [words, names, codes] of [
		[["--quantizer", "loss", "--init", "normal", "--codes", "6"], ["embeddings.weight"], 6],
		[["--quantizer", "loss", "--codes", "6"], ["embeddings.weight"], 6],
		[
			["--quantizer", "loss", "--init", "data", "--codes", "6", "--dead-below", "0.2"],
			["embeddings.weight", "cluster_size", "embedding_sum"],
			6,
		],
		[
			["--similarity", "cosine", "--gradient", "rotation", "--init", "uniform", "--codes", "6", "--decay", "0.9"],
			["embeddings.weight", "cluster_size", "embedding_sum"],
			6,
		],
		[
			["--quantizer", "residual", "--levels", "3", "--codes", "6"],
			["codebooks.0.embeddings.weight", "codebooks.2.cluster_size"],
			18,
		],
		[["--quantizer", "fsq", "--levels", "5,3", "--schedule", "constant"], [], 15],
	] as const) {
		const trained = await tessera(["train", ...brief, ...words]);
		assert.is(trained.code, 0, trained.errors);
		assert.match(trained.output, `of ${codes} codes in use`);
		const dict = loadSafetensors(await readFile(join(folder, "chosen", "model.safetensors")));
		const own = Object.keys(dict).filter((name) => name.startsWith("vq_layer."));
		for (const name of names) assert.ok(own.includes(`vq_layer.${name}`), `${name} in ${own}`);
		if (words[1] !== "residual") assert.is(own.length, names.length, own.join());
		const back = await tessera(["reconstruct", join("chosen", "model.safetensors"), image, "--out", "back.png"]);
		assert.is(back.code, 0, back.errors);
	}
});

test("a network of another size trains, and is read back", async () => {
	const words = ["--images", "8", "--epochs", "1", "--hidden", "6", "--residual-layers", "1,2", "--out", "residual"];
	const trained = await tessera(["train", ...words]);
	assert.is(trained.code, 0, trained.errors);
	const table = await tessera(["summary", join("residual", "model.safetensors")]);
	assert.is(table.code, 0, table.errors);
	assert.is(table.output.match(/─ResidualBlock: 3-\d+ +\[\d+, 6, \d+, \d+\]/g)?.length, 3, table.output);
	assert.match(table.output, /─Conv2d: 5-2 +\[\d+, 3, \d+, \d+\] +165$/m);
	const back = await tessera(["reconstruct", join("residual", "model.safetensors"), "digit.png", "--out", "back.png"]);
	assert.is(back.code, 0, back.errors);
});

test("a checkpoint whose quantizer is none is refused", async () => {
	const dict = loadSafetensors(await readFile(join(folder, "runs", "digits", "model.safetensors")));
	for (const [described, message] of [
		['{"quantizer":"foo"}', /foo/],
		['{"quantizer":"fsq","levels":3}', /levels must be a list/],
		["null", /null/],
		["{", /JSON/],
	] as const) {
		await writeFile(join(folder, "foreign.safetensors"), encodeSafetensors(dict, { quantizer: described }));
		const { code, errors } = await tessera(["summary", "foreign.safetensors"]);
		assert.is(code, 1, described);
		assert.match(errors, /tessera: "foreign\.safetensors": its metadata describes no quantizer/);
		assert.match(errors, message);
		assert.not.match(errors, /\n\s+at /);
	}
});

test("mistakes are named in one line, with exit code 1", async () => {
	await writeFile(join(folder, "text.safetensors"), "no weights at all");
	for (const [words, message] of [
		[["train", "--epochs", "0"], /--epochs must be a whole number of at least 1, but is 0/],
		[["train", "--batch", "many"], /--batch/],
		[["train", "--lr=-1"], /--lr/],
		[["train", "--adapter", "abacus"], /--adapter must be gpu, lavapipe, swiftshader or auto/],
		[["train", "--data", "nowhere"], /nowhere/],
		[["train", "--colour", "red"], /colour/],
		[["train", "--quantizer", "magic"], /--quantizer must be ema, loss, residual, fsq, but is magic/],
		[["train", "--init", "zeros"], /--init must be normal, uniform, data, kmeans/],
		[["train", "--decay", "1"], /decay must be a finite number of at least 0 and below 1/],
		[["train", "--dead-below", "two"], /--dead-below must be a number/],
		[["train", "--quantizer", "fsq", "--levels", "8,1"], /levels\[1\] must be a whole number of at least 2/],
		[["train", "--quantizer", "residual", "--levels", "2,2"], /--levels of a residual quantizer/],
		[["train", "--quantizer", "fsq", "--dead-below", "0.2"], /--dead-below has no effect with --quantizer fsq/],
		[["train", "--levels", "2"], /--levels has no effect with --quantizer ema/],
		[["train", "--hidden", "7"], /hiddenChannels must be an even number of at least 2, but is 7/],
		[["train", "--residual-layers", "1,2,3"], /--residual-layers takes one number, or one for the encoder/],
		[["train", "--residual-layers", "two"], /--residual-layers must be a whole number of at least 0/],
		[["train", "--seed", "9999999999"], /--seed must be a whole number of at least 0 and at most 2147483647/],
		[["dance"], /no command "dance"/],
		[["summary", "missing.safetensors"], /missing\.safetensors/],
		[["summary", "text.safetensors"], /header|safetensors/],
		[["reconstruct", "text.safetensors"], /at least one PNG/],
	] as const) {
		const { code, errors } = await tessera(words);
		assert.is(code, 1, words.join(" "));
		const lines = errors
			.trim()
			.split("\n")
			.filter((line) => line.startsWith("tessera:"));
		assert.is(lines.length, 1, errors);
		assert.match(lines[0] as string, message);
		assert.not.match(errors, /\n\s+at /, "no stack for a user's mistake");
	}
});

test.run();
