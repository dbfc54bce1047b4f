import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runTessera } from "../cli/command_line.js";
import { hashOf } from "./killed_runs.js";

const test = suite<{ folder: string }>("the best weights");

test.before(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-best-"));
});

test.after(async ({ folder }) => {
	await rm(folder, { recursive: true, force: true });
});

test("are those of the epoch with the lowest error, not the last ones", async ({ folder }) => {
	// A learning rate that is far too high at the end of a long warm-up: the first epochs are the best.
	const words = "--images 64 --batch 8 --codes 8 --dim 4 --hidden 8 --lr 0.5 --warm-up 64 --schedule constant".split(
		" ",
	);
	for (const [run, epochs] of [
		["long", "6"],
		["short", "1"],
	] as const) {
		const { code, errors } = await runTessera(folder, ["train", ...words, "--epochs", epochs, "--out", run]);
		assert.is(code, 0, errors);
	}
	const rows = (await readFile(join(folder, "long", "metrics.jsonl"), "utf8")).trimEnd().split("\n");
	const errors = rows.map((row) => JSON.parse(row)).filter(({ type }) => type === "epoch");
	const nmse = errors.map(({ nmse }) => nmse);
	assert.is(Math.min(...nmse), nmse[0], `the first epoch is not the best: ${nmse.join()}`);
	assert.is.not(
		await hashOf(join(folder, "long", "best.safetensors")),
		await hashOf(join(folder, "long", "model.safetensors")),
	);
	assert.is(
		await hashOf(join(folder, "long", "best.safetensors")),
		await hashOf(join(folder, "short", "model.safetensors")),
	);
});

test.run();
