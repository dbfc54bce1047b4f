import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageSet } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runTessera } from "../cli/command_line.js";
import { assertLossesAgree } from "../runs/train_losses.js";
import { findPython, runScript, torchrun } from "./python.js";
import { images, makeFolder, stepsOf, succeeded, train } from "./setup.js";

const python = await findPython();

const folder = await makeFolder();
const data = join(folder, "images.idx");

const test = suite("examples/pytorch: training");

test.before(() => train(folder, "ema", []));

test.after(() => rm(folder, { recursive: true }));

test("a prior is trained on the result, and samples are drawn", async () => {
	const out = join(folder, "with prior");
	const words = ["--data", join(folder, "digits"), "--out", out, "--batch", "8", "--steps", "3", "--device", "cpu"];
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

async function checkRefusals(cases: readonly (readonly [words: readonly string[], message: RegExp])[]): Promise<void> {
	for (const [words, message] of cases) {
		const { code, errors } = await runScript(python, "train_ddp.py", words);
		assert.is(code, 1, words.join(" "));
		assert.match(errors, message);
		assert.not.match(errors, /Traceback/);
	}
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
