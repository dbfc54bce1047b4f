import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runTessera } from "../cli/command_line.js";
import { hashOf, rowsOf, trainWithKills } from "../runs/killed_runs.js";

const test = suite<{ folder: string }>("runs that are killed at random");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-killed-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true, force: true });
});

// A checkpoint after each step: most of the time a file is being written.
const quantizers = { ema: "--quantizer ema --ema 0.9", residual: "--quantizer residual --flip" };

for (const [name, quantizer] of Object.entries(quantizers))
	test(`${name}: twelve kills, in the middle of epochs and of writes`, async ({ folder }) => {
		const words = `--images 400 --batch 4 --epochs 3 --codes 64 --dim 16 --hidden 32 --dead-below 0.5 --clip 1 ${quantizer}`;
		const options = words.split(" ");
		const whole = await runTessera(folder, ["train", ...options, "--out", "whole"]);
		assert.is(whole.code, 0, whole.errors);
		const hits = await trainWithKills({
			folder,
			first: ["train", ...options, "--checkpoint-every", "1", "--out", "killed"],
			resume: ["train", "--resume", "killed", "--checkpoint-every", "1"],
			run: "killed",
			metrics: "metrics.jsonl",
			times: 12,
			random: new Random(name.length),
			longest: 700,
		});
		assert.ok(hits >= 10, `${hits} kills hit the training`);
		for (const file of ["model.safetensors", "best.safetensors"])
			assert.is(await hashOf(join(folder, "killed", file)), await hashOf(join(folder, "whole", file)), file);
		assert.equal(
			await rowsOf(join(folder, "killed", "metrics.jsonl")),
			await rowsOf(join(folder, "whole", "metrics.jsonl")),
		);
	});

test.run();
