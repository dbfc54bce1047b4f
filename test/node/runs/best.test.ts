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
	// With a rate that is far too high the error goes up and down.
	const words = "--images 64 --batch 8 --codes 8 --dim 4 --hidden 8 --lr 0.5 --schedule constant".split(" ");
	const trained = async (run: string, epochs: number) => {
		const { code, errors } = await runTessera(folder, ["train", ...words, "--epochs", String(epochs), "--out", run]);
		assert.is(code, 0, errors);
	};
	await trained("long", 7);
	const rows = (await readFile(join(folder, "long", "metrics.jsonl"), "utf8")).trimEnd().split("\n");
	const tests = rows.map((row) => JSON.parse(row)).filter(({ type }) => type === "epoch");
	const nmse: readonly number[] = tests.map(({ nmse }) => nmse);
	const best = nmse.indexOf(Math.min(...nmse)) + 1;
	assert.ok(best < nmse.length, `the last epoch is the best: ${nmse.join()}`);
	await trained("short", best);
	const file = (run: string, name: string) => hashOf(join(folder, run, name));
	assert.is(await file("long", "best.safetensors"), await file("short", "model.safetensors"));
	assert.is.not(await file("long", "best.safetensors"), await file("long", "model.safetensors"));
});

test.run();
