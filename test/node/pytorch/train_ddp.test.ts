import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageSet, subset } from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { imageGrid } from "../../../src/node/images/image_grid.js";
import type { StepRecord } from "../../../src/vqvae/trainer.js";
import { device } from "../../support.js";
import { runTessera } from "../cli/command_line.js";
import { assertLossesAgree, trainLosses } from "../runs/train_losses.js";
import { findPython, type Outcome, runScript, torchrun } from "./python.js";

const python = await findPython();
console.log(`PyTorch ${python.version} of ${python.program}`);

/** Over two processes the last batch of an epoch, 5 images, is divided into 2 and 3. */
const images = generateDigits(45, 3);
const settings = { batch: 8, steps: 20, lr: 2e-3 };
const folder = await mkdtemp(join(tmpdir(), "tessera-pytorch-"));
const data = join(folder, "images.idx");
const sequential = ["--order", "sequential", "--batch", "8", "--lr", "2e-3", "--device", "cpu"];

const test = suite("examples/pytorch");

test.before(async () => {
	await writeFile(data, idx(images));
	// A folder that both read; its pictures are what `tessera reconstruct` reads.
	await mkdir(join(folder, "digits"));
	await writeFile(join(folder, "digits", "train-images-idx3-ubyte"), idx(images));
	await mkdir(join(folder, "pictures"));
	const { channels, height, width } = images;
	for (let i = 0; i < images.count; i++) {
		const { pixels } = subset(images, i, i + 1);
		const png = imageGrid({ images: pixels, count: 1, channels, height, width, columns: 1, scale: 1, gap: 0 });
		await writeFile(join(folder, "pictures", `${String(i).padStart(3, "0")}.png`), png);
	}
	await train("ema", []);
});

test.after(() => rm(folder, { recursive: true }));

const quantizers = {
	ema: [],
	"ema without dead codes": ["--dead-below", "0"],
	"ema, cosine, rotation": ["--similarity", "cosine", "--gradient", "rotation"],
	loss: ["--quantizer", "loss", "--init", "data"],
	residual: ["--quantizer", "residual", "--levels", "2", "--residual-layers", "1"],
	fsq: ["--quantizer", "fsq", "--levels", "5,4,3"],
};

for (const [name, options] of Object.entries(quantizers))
	test(`${name}: 20 steps of two processes have our losses, and Tessera reads the result`, async () => {
		if (name !== "ema") await train(name, options);
		const out = join(folder, `${name} ddp`);
		succeeded(
			await torchrun(python, 2, "train_ddp.py", [
				...[join(folder, name), "--data", data, "--out", out],
				...[...sequential, "--steps", "20"],
			]),
		);
		const model = join(folder, name, "model.safetensors");
		const difference = assertLossesAgree(
			await trainLosses(await device(), model, images, settings),
			await stepsOf(out),
		);
		console.log(`${name}: the largest relative difference of a loss is ${difference.toExponential(1)}`);

		const summary = await runTessera(folder, ["summary", out]);
		assert.is(summary.code, 0, summary.errors);
		const ours = await runTessera(folder, ["reconstruct", out, "pictures", "--out", "reconstructed"]);
		assert.is(ours.code, 0, ours.errors);
		const theirs = succeeded(await runScript(python, "reconstruct.py", [out, data]));
		const [ourErrors, theirErrors] = [errorsOf(ours.output), errorsOf(theirs.output)];
		assert.is(ourErrors.length, images.count);
		assert.is(theirErrors.length, images.count);
		// A value between two bytes may be rounded to either; that changes an error by up to 1e-5.
		for (const [i, error] of ourErrors.entries())
			assert.ok(Math.abs(error - (theirErrors[i] as number)) < 2.5e-5, `image ${i}: ${error}, ${theirErrors[i]}`);
	});

test("a prior is trained on the result, and samples are drawn", async () => {
	const out = join(folder, "with prior");
	const words = ["--data", join(folder, "digits"), "--out", out, ...sequential, "--steps", "3"];
	succeeded(await torchrun(python, 2, "train_ddp.py", [join(folder, "ema"), ...words]));
	const prior = await runTessera(folder, ["train-prior", out, "--epochs", "1", "--layers", "1", "--channels", "4"]);
	assert.is(prior.code, 0, prior.errors);
	const sample = await runTessera(folder, ["sample", out, "--count", "2", "--out", "samples.png"]);
	assert.is(sample.code, 0, sample.errors);
});

test("a resumed training gives the same bits, one with other settings is refused", async () => {
	const words = (out: string, steps: number) => [
		...[join(folder, "ema"), "--data", data, "--out", join(folder, out), "--batch", "8", "--device", "cpu"],
		...["--checkpoint-every", "4", "--steps", String(steps)],
	];
	succeeded(await torchrun(python, 2, "train_ddp.py", words("whole", 16)));
	succeeded(await torchrun(python, 2, "train_ddp.py", words("resumed", 9)));
	succeeded(await torchrun(python, 2, "train_ddp.py", [...words("resumed", 16), "--resume"]));
	const weights = await Promise.all(
		["whole", "resumed"].map((out) => readFile(join(folder, out, "model.safetensors"))),
	);
	assert.ok(weights[0]?.equals(weights[1] as Buffer), "the weights differ");
	assert.equal(await stepsOf(join(folder, "resumed")), await stepsOf(join(folder, "whole")));
	await checkRefusals([
		[[...words("resumed", 16), "--resume", "--lr", "0.1"], /--lr was 0\.001, but is 0\.1/],
		[words("resumed", 16), /contains another run/],
		[[...words("elsewhere", 16), "--resume"], /--resume: .* has no checkpoint\.pt/],
	]);
});

test("an order file, .npy, a folder of pictures and more processes than images give the same losses", async () => {
	const few = ["--batch", "2", "--steps", "4", "--device", "cpu"];
	const lossesOf = async (processes: number, source: string, out: string, order: string) => {
		const words = [join(folder, "ema"), "--data", source, "--out", join(folder, out), "--order", order, ...few];
		const script = "train_ddp.py";
		succeeded(await (processes === 1 ? runScript(python, script, words) : torchrun(python, processes, script, words)));
		return stepsOf(join(folder, out));
	};
	const expected = await lossesOf(1, data, "one", "sequential");
	const order = join(folder, "order.txt");
	await writeFile(order, "0 1\n2 3\n4 5\n6 7\n");
	const array = join(folder, "images.npy");
	await writeFile(array, npy(images));
	assertLossesAgree(await lossesOf(3, array, "three", order), expected);
	assertLossesAgree(await lossesOf(1, join(folder, "pictures"), "pictures ddp", "sequential"), expected);
});

test("mistakes are reported in one line", () => {
	const words = (source: string, ...more: string[]) => [
		...[join(folder, "ema"), "--data", source, "--out", join(folder, "nothing"), "--device", "cpu", ...more],
	];
	return checkRefusals([
		[words(join(folder, "nowhere")), /There is no file or folder/],
		[words(join(folder, "ema", "config.json")), /is no IDX or \.npy file of images/],
		[words(data, "--order", join(folder, "nowhere")), /--order must be shuffled, sequential, or a file/],
		[words(data, "--lr", "1e30", "--steps", "3"), /The training diverged at step \d+/],
		[[join(folder, "ema", "config.json"), ...words(data).slice(1)], /is not a safetensors file/],
	]);
});

test.run();

async function train(name: string, options: readonly string[]): Promise<void> {
	const sizes = ["--hidden", "8", ...(name === "fsq" ? [] : ["--codes", "16", "--dim", "4"])];
	const few = ["--images", "64", "--batch", "8", "--epochs", "1"];
	const { code, errors } = await runTessera(folder, ["train", ...few, ...sizes, ...options, "--out", name]);
	assert.is(code, 0, errors);
}

async function stepsOf(run: string): Promise<StepRecord[]> {
	const lines = (await readFile(join(run, "metrics.jsonl"), "utf8")).trim().split("\n");
	return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "step");
}

function errorsOf(output: string): number[] {
	return [...output.matchAll(/: mean squared error ([\d.]+)$/gm)].map(([, error]) => Number(error));
}

function succeeded(outcome: Outcome): Outcome {
	assert.is(outcome.code, 0, outcome.errors);
	return outcome;
}

async function checkRefusals(cases: readonly (readonly [words: readonly string[], message: RegExp])[]): Promise<void> {
	for (const [words, message] of cases) {
		const { code, errors } = await runScript(python, "train_ddp.py", words);
		assert.is(code, 1, words.join(" "));
		assert.match(errors, message);
		assert.not.match(errors, /Traceback/);
	}
}

function idx({ count, height, width, pixels }: ImageSet): Uint8Array {
	const header = new DataView(new ArrayBuffer(16));
	for (const [i, value] of [0x0803, count, height, width].entries()) header.setUint32(4 * i, value);
	return Buffer.concat([new Uint8Array(header.buffer), pixels]);
}

function npy({ count, height, width, pixels }: ImageSet): Uint8Array {
	const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count}, ${height}, ${width}), }`;
	const padded = `${text.padEnd(117)}\n`;
	return Buffer.concat([
		Buffer.from("\x93NUMPY\x01\x00", "latin1"),
		Buffer.from([118, 0]),
		Buffer.from(padded),
		pixels,
	]);
}
