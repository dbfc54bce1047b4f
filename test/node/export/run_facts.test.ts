import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DataError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readRunFacts } from "../../../src/node/export/run_facts.js";

const test = suite<{ run: string }>("what a run says of its models");

test.before.each(async (context) => {
	context.run = await mkdtemp(join(tmpdir(), "tessera-facts-"));
});

test.after.each(async ({ run }) => {
	await rm(run, { recursive: true });
});

const rows = [0.3, 0.1, 0.2].flatMap((nmse, epoch) => [
	{ type: "step", epoch, step: 2 * epoch + 1, loss: 1 },
	{ type: "epoch", epoch, step: 2 * epoch + 2, nmse, perplexity: 10 * nmse, codesInUse: 7 },
]);

test("the last weights have the numbers of the last epoch, the best those of the best, others none", async ({
	run,
}) => {
	await writeFile(
		join(run, "config.json"),
		JSON.stringify({ data: "/home/me/photos", seed: 1, heldOut: "validation" }),
	);
	const numbersOf = async (file: string) => (await readRunFacts(join(run, file))).numbers?.nmse;
	assert.is(await numbersOf("model.safetensors"), undefined, "without metrics");
	await writeFile(join(run, "metrics.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
	assert.is(await numbersOf("model.safetensors"), 0.2);
	assert.is(await numbersOf("best.safetensors"), 0.1);
	assert.is(await numbersOf("mine.safetensors"), undefined);
	const { name, heldOut, picture } = await readRunFacts(join(run, "model.safetensors"));
	assert.equal([name, heldOut, picture], [basename(run), "validation", undefined]);
	await writeFile(join(run, "reconstructions.png"), Uint8Array.of(1, 2));
	assert.equal((await readRunFacts(join(run, "model.safetensors"))).picture?.length, 2);
});

test("a folder that is not a run is refused", async ({ run }) => {
	const refused = await readRunFacts(join(run, "model.safetensors")).catch((error: unknown) => error);
	assert.instance(refused, DataError);
});

test.run();
