import { rm } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { device } from "../../support.js";
import { runTessera } from "../cli/command_line.js";
import { assertLossesAgree, trainLosses } from "../runs/train_losses.js";
import { findPython, runScript, torchrun } from "./python.js";
import { images, makeFolder, stepsOf, succeeded, train } from "./setup.js";

const python = await findPython();
console.log(`PyTorch ${python.version} of ${python.program}`);

const folder = await makeFolder();
const data = join(folder, "images.idx");
const settings = { batch: 8, steps: 20, lr: 2e-3 };

const test = suite("examples/pytorch: quantizers");

test.after(() => rm(folder, { recursive: true }));

const quantizers = {
	ema: [],
	"ema, cosine, rotation": ["--similarity", "cosine", "--gradient", "rotation"],
	loss: ["--quantizer", "loss", "--init", "data"],
	residual: ["--quantizer", "residual", "--levels", "2", "--residual-layers", "1"],
	fsq: ["--quantizer", "fsq", "--levels", "5,4,3"],
};

for (const [name, options] of Object.entries(quantizers))
	test(`${name}: 20 steps of two processes have our losses, and Tessera reads the result`, async () => {
		await train(folder, name, options);
		const out = join(folder, `${name} ddp`);
		succeeded(
			await torchrun(python, 2, "train_ddp.py", [
				...[join(folder, name), "--data", data, "--out", out],
				...["--order", "sequential", "--batch", "8", "--steps", "20", "--lr", "2e-3", "--device", "cpu"],
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

test.run();

function errorsOf(output: string): number[] {
	return [...output.matchAll(/: mean squared error ([\d.]+)$/gm)].map(([, error]) => Number(error));
}
