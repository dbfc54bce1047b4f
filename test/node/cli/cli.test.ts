import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { loadSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDigits } from "../../../src/data/digits.js";
import { encodeSafetensors } from "../../../src/io/safetensors.js";
import { imageGrid } from "../../../src/node/images/image_grid.js";
import { readImage } from "../../../src/node/images/read_image.js";
import { checkMistakes, type Outcome, runTessera } from "./command_line.js";
import { commandLineReference } from "./reference.js";

let folder = "";

const tessera = (words: readonly string[], watch?: Parameters<typeof runTessera>[2]): Promise<Outcome> =>
	runTessera(folder, words, watch);

interface Row
	extends Readonly<Record<"epoch" | "step" | "loss" | "reconLoss" | "commitmentLoss" | "perplexity", number>> {
	readonly type: "step" | "epoch";
	readonly nmse: number;
}

/** The rows of a metrics.jsonl, which ends with a whole line. */
async function readRows(path: string): Promise<Row[]> {
	const text = await readFile(path, "utf8");
	if (text === "") return [];
	assert.ok(text.endsWith("\n"), `${path} ends in ${text.slice(-40)}`);
	return text
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
}

const tiny = ["--images", "4"];
const small = ["--images", "48", "--batch", "16", "--codes", "24", "--dim", "4"];

/** Writes RGB noise, or what else, as a PNG file. */
async function writeImage(path: string, images: Uint8Array, height: number, width: number): Promise<void> {
	const channels = images.length / (height * width);
	await writeFile(path, imageGrid({ images, count: 1, channels, height, width, columns: 1, scale: 1, gap: 0 }));
}

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
	assert.equal(files.sort(), [
		"best.safetensors",
		"chart.svg",
		"checkpoint-00000006.safetensors",
		"config.json",
		"epoch-001.png",
		"epoch-002.png",
		"metrics.csv",
		"metrics.jsonl",
		"model.safetensors",
		"reconstructions.png",
		"report-data.json",
		"report.html",
	]);
	const table = (await readFile(join(run, "metrics.csv"), "utf8")).trimEnd().split("\n");
	assert.match(table[0], /^step,loss,reconLoss,commitmentLoss,perplexity,test_nmse,/);
	assert.is(table.length, 7);
	const rows = await readRows(join(run, "metrics.jsonl"));
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
});

for (const [signal, code] of [
	["SIGINT", 130],
	["SIGTERM", 143],
	["SIGHUP", 129],
] as const)
	test(`${signal} ends a training within an epoch; what is said and kept is of the same step`, async () => {
		const run = join(folder, signal);
		const path = join(run, "metrics.jsonl");
		let interrupted = false;
		const words = ["train", "--images", "200", "--batch", "1", "--hidden", "4", "--epochs", "50", "--out", run];
		const ended = await tessera(words, async (text, interrupt) => {
			// In the second epoch, which the first one's weights could be taken for.
			if (interrupted || !text.includes("epoch 1: test NMSE")) return;
			interrupted = true;
			const isUnderWay = async () => (await readFile(path, "utf8")).includes('"type":"step","epoch":2');
			for (let poll = 0; poll < 1200 && !(await isUnderWay()); poll++) await setTimeout(10);
			interrupt(signal);
		});
		assert.is(ended.code, code, ended.errors);
		const rows = await readRows(path);
		const last = rows.at(-1);
		const steps = rows.filter(({ type }) => type === "step").length;
		assert.ok(steps > 200 && steps % 200 !== 0, `${steps} steps`);
		assert.equal([last?.type, last?.step], ["epoch", steps]);
		assert.match(ended.output, `Stopped after ${steps} steps.`);
		assert.match(ended.output, `Test NMSE ${last?.nmse.toFixed(4)}`);
		assert.match(ended.output, `after ${steps} steps.`);
		assert.not.ok((await readdir(run)).includes(".tessera.lock"));
		if (signal !== "SIGINT") return;
		// The weights give that error on the test images: train-prior computes it from the file.
		const prior = await tessera(["train-prior", run, "--epochs", "1", "--channels", "2", "--layers", "1"]);
		assert.match(prior.output, `a test NMSE of ${last?.nmse.toFixed(4)}`, prior.errors);
	});

test("--json prints one line of JSON, --quiet nothing", async () => {
	const words = ["train", ...tiny, "--epochs", "1", "--hidden", "4", "--overwrite", "--out", "quiet"];
	const json = await tessera([...words, "--json"]);
	assert.is(json.code, 0, json.errors);
	const { run, steps, nmse, stopped } = JSON.parse(json.output);
	assert.equal([run, steps, stopped], ["quiet", 1, false]);
	assert.ok(nmse > 0);
	const quiet = await tessera([...words, "--quiet"]);
	assert.is(quiet.code, 0, quiet.errors);
	assert.is(quiet.output, "");
	assert.equal(
		quiet.errors.split("\n").filter((line) => line !== "" && !line.startsWith("Warning: max")),
		[],
	); // Dawn's
	const failed = await tessera(["summary", "nowhere", "--json"]);
	assert.is(failed.code, 1);
	assert.match(JSON.parse(failed.output).error, /There is no file or folder "nowhere"/);
	assert.is(failed.mistakes.length, 1);
	const summary = await tessera(["summary", "quiet", "--json"]);
	assert.equal(JSON.parse(summary.output).input, [1, 1, 28, 28]);
	const doctor = await tessera(["doctor", "--json"]);
	assert.ok(JSON.parse(doctor.output).gflops > 0);
	assert.match((await tessera(["doctor", "--json", "--quiet"])).mistakes[0] ?? "", /exclude each other/);
});

test("summary prints the table of a trained model", async () => {
	const { code, output, errors } = await tessera(["summary", join("runs", "digits")]);
	assert.is(code, 0, errors);
	assert.match(output, /Conv2d: 3-1 +\[1, 32, 14, 14\] +320/);
	assert.match(output, /CodebookQuantizer.*\[1, 4, 7, 7\] +96/);
	const wide = await tessera(["summary", join("runs", "digits"), "--width", "40", "--height", "24"]);
	assert.match(wide.output, /CodebookQuantizer.*\[1, 4, 6, 10\] +96/);
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
	const noise = Uint8Array.from({ length: 3 * 13 * 18 }, (_, i) => (i * i * 31 + i * 7) % 256);
	await writeImage(odd, noise, 13, 18);
	// The same with its last row and column repeated, up to lengths divisible by 4.
	const from = (i: number) => {
		const [channel, y, x] = [Math.floor(i / 320), Math.floor(i / 20) % 16, i % 20];
		return noise[(channel * 13 + Math.min(y, 12)) * 18 + Math.min(x, 17)] as number;
	};
	const padded = Uint8Array.from({ length: 3 * 16 * 20 }, (_, i) => from(i));
	await writeImage(join(folder, "padded.png"), padded, 16, 20);

	const model = join("runs", "digits", "model.safetensors");
	const grid = await tessera(["reconstruct", model, ...paths, "--out", "grid.png"]);
	assert.is(grid.code, 0, grid.errors);
	assert.ok((await readImage(join(folder, "grid.png"))).width > 56);
	assert.is(grid.output.match(/mean squared error/g)?.length, 2);

	const each = await tessera(["reconstruct", model, ...paths, odd, "padded.png", "--out", "each"]);
	assert.is(each.code, 0, each.errors);
	const result = await readImage(join(folder, "each", "odd.png"));
	assert.equal([result.height, result.width], [13, 18]);
	const whole = await readImage(join(folder, "each", "padded.png"));
	const cropped = result.pixels.map((_, i) => whole.pixels[Math.floor(i / 18) * 20 + (i % 18)] as number);
	assert.ok(new Set(cropped).size > 5);
	assert.equal(result.pixels, cropped);

	const over = await tessera(["reconstruct", model, ...paths, "--out", folder]);
	assert.is(over.code, 1);
	assert.match(over.errors, /a\.png" would be overwritten/);

	const mixed = await tessera(["reconstruct", model, ...paths, odd, "--out", "grid.png"]);
	assert.is(mixed.code, 1);
	assert.match(mixed.errors, /one size/);
});

test("every quantizer trains, and its model is read back", async () => {
	const brief = ["--images", "32", "--epochs", "1", "--batch", "16", "--hidden", "4", "--out", "chosen", "--overwrite"];
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
		['{"quantizer":"fsq","levels":3}', /levels must be an array, but is 3/],
		["null", /null/],
		["{", /JSON/],
	] as const) {
		await writeFile(join(folder, "foreign.safetensors"), encodeSafetensors(dict, { quantizer: described }));
		const { code, errors } = await tessera(["summary", "foreign.safetensors"]);
		assert.is(code, 1, described);
		assert.match(errors, /tessera summary: "foreign\.safetensors": its metadata does not describe a quantizer/);
		assert.match(errors, message);
		assert.not.match(errors, /\n\s+at /);
	}
});

test("mistakes are named in one line, with exit code 1", async () => {
	await writeFile(join(folder, "text.safetensors"), "no weights at all");
	await symlink(join(folder, "nowhere"), join(folder, "dangling.safetensors"));
	await mkdir(join(folder, "empty"));
	const cases = [
		[["train", "--epochs", "0"], /^tessera train: --epochs must be a whole number of at least 1, but is 0/],
		[["train", "--batch", "many"], /--batch must be .* but is "many"/],
		[["train", "--batch", ""], /--batch must be .* but is ""/],
		[["train", "--lr=-1"], /--lr must be a finite number of at least 0, but is -1/],
		[["train", "--lr", "-1"], /--lr must be a finite number of at least 0, but is -1/],
		[["train", "--seed", "-1"], /--seed must be a whole number of at least 0 and at most 2147483647, but is -1/],
		[["train", "--epochs", "2", "--epochs", "3"], /--epochs was given more than once, as "2" and "3"/],
		[["train", "--epochs"], /--epochs <count>' argument missing/],
		[
			["train", "--adapter", "abacus"],
			/--adapter must be "gpu" or "lavapipe" or "swiftshader" or "auto", but is "abacus"/,
		],
		[["train", "--data", "nowhere"], /"nowhere" is neither a data set .* nor a folder\. Check the path/],
		[["train", "--data", "mnsit"], /"mnsit" is neither .*; did you mean "mnist"\?/],
		[["train", "--epoch", "3"], /^tessera train: unknown option '--epoch'. Did you mean --epochs\?/],
		[["train", "--quantizer", "magic"], /--quantizer must be "ema" or "loss" or "residual" or "fsq", but is "magic"/],
		[["train", "--init", "kmean"], /--init must be .*, but is "kmean"; did you mean "kmeans"\?/],
		[["train", "--decay", "1"], /--decay must be a finite number of at least 0 and below 1, but is 1/],
		[["train", "--dead-below", "two"], /--dead-below must be a finite number/],
		[["train", "--quantizer", "fsq", "--levels", "8,1"], /--levels must be a whole number of at least 2, but is 1/],
		[
			["train", "--quantizer", "residual", "--levels", "2,2"],
			/--levels must be one number with --quantizer residual, but is "2,2"/,
		],
		[
			["train", "--quantizer", "fsq", "--dead-below", "0.2"],
			/--dead-below has no effect with --quantizer fsq, because it has no codebook .*: leave it out, or choose --quantizer ema, loss or residual\./,
		],
		[
			["train", "--levels", "2"],
			/--levels has no effect with --quantizer ema: leave it out, or choose --quantizer residual or fsq\./,
		],
		[["train", "--hidden", "7"], /--hidden must be even, but is 7/],
		[
			["train", "--residual-layers", "1,2,3"],
			/--residual-layers must be at most 2 numbers, separated by commas, but is "1,2,3"/,
		],
		[["train", "--residual-layers", "two"], /--residual-layers must be a whole number of at least 0/],
		[["train", "--seed", "9999999999"], /--seed must be a whole number of at least 0 and at most 2147483647/],
		[["train", "--images", "1e9"], /--images must be at most \d+ for digits, .*but is 1000000000/],
		[["train", ...tiny, "--codes", "1e9"], /--codes must be at most \d+ here, but is 1000000000: a codebook/],
		[["train", ...tiny, "--dim", "1e9"], /--dim must be at most \d+ here, but is 1000000000/],
		[["train", ...tiny, "--hidden", "1e8"], /--hidden must be at most \d+ here, but is 100000000/],
		[["train", ...tiny, "--residual-layers", "0,1e9"], /--residual-layers must be at most \d+ here, but is 1000000000/],
		[["train", ...tiny, "--quantizer", "residual", "--levels", "1e9"], /--levels must be at most \d+ here/],
		[
			["train", ...tiny, "--quantizer", "fsq", "--levels", "1e5,1e5"],
			/--levels 100000,100000 gives 10,000,000,000 codes, but at most [\d,]+ can be counted/,
		],
		[["dance"], /^tessera: unknown command 'dance'/],
		[["trian"], /unknown command 'trian'. Did you mean train\?/],
		[["help", "trian"], /no command "trian"/],
		[["summary", "absent.pt"], /no file or folder "absent.pt". Name the folder of a run, or a model/],
		[["summary", "text.safetensor"], /Did you mean "text.safetensors"\?/],
		[["summary", "dangling.safetensors"], /"dangling.safetensors" could not be read: .*a link to a missing file/],
		[["summary", "text.safetensors"], /header|safetensors/],
		[["summary", "runs", "--width", "30"], /--width must be divisible by 4, but is 30/],
		[["reconstruct", "runs", "a.png", "--out", "x.jpg"], /--out must be a \.png .*but is "x\.jpg"/],
		[["summary", "runs"], /"runs" has no model.safetensors/],
		[["reconstruct", "text.safetensors"], /at least one image/],
		[["reconstruct", "text.safetensors", "nothere.png"], /There is no file or folder "nothere.png"/],
		[["reconstruct", "text.safetensors", "empty"], /"empty" contains no images/],
		[["reconstruct", "text.safetensors", "a.png", "--out", ""], /--out is empty/],
	] as const;
	await checkMistakes(folder, cases);
});

test("help is printed with exit code 0, with a description and an example for each command", async () => {
	for (const words of [[], ["help"], ["--help"]]) {
		const { code, output, errors } = await tessera(words);
		assert.is(code, 0, errors);
		assert.match(output, /train-prior/);
	}
	for (const name of [
		"train",
		"train-prior",
		"sample",
		"complete",
		"reconstruct",
		"encode",
		"decode",
		"evaluate",
		"summary",
		"doctor",
	]) {
		const { code, output } = await tessera([name, "--help"]);
		assert.is(code, 0);
		assert.match(output, new RegExp(`^Usage: tessera ${name} .*\\n\\n[A-Z][^]*?\\.\\n`));
		assert.match(output, new RegExp(`\n  \\$ tessera ${name}`));
	}
});

test("docs/command-line.md says what the commands accept", async () => {
	const { found, expected } = await commandLineReference();
	assert.is(found, expected, "run npm run docs");
	assert.match(found, "| `--dead-below <share>` |");
});

test.run();
