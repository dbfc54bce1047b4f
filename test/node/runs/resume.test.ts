import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkMistakes, runTessera } from "../cli/command_line.js";
import { hashOf, rowsOf, trainWithKills } from "./killed_runs.js";

let folder = "";
const tessera = (...words: readonly string[]) => runTessera(folder, words);
const options =
	"--images 48 --batch 8 --epochs 2 --codes 12 --dim 4 --hidden 8 --flip --warm-up 3 --clip 0.5 --ema 0.9 --dead-below 0.5".split(
		" ",
	);
const often = ["--checkpoint-every", "2"];

const test = suite("continuing a run");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-resume-"));
	const { code, errors } = await tessera("train", ...options, "--out", "whole");
	assert.is(code, 0, errors);
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

async function checkSame(run: string): Promise<void> {
	for (const file of ["model.safetensors", "best.safetensors"])
		assert.is(await hashOf(join(folder, run, file)), await hashOf(join(folder, "whole", file)), `${run}/${file}`);
	assert.equal(await rowsOf(join(folder, run, "metrics.jsonl")), await rowsOf(join(folder, "whole", "metrics.jsonl")));
}

test("a run that is killed three times has the bits of one that is not", async () => {
	const hits = await trainWithKills({
		folder,
		first: ["train", ...options, ...often, "--out", "killed"],
		resume: ["train", "--resume", "killed", ...often],
		run: "killed",
		metrics: "metrics.jsonl",
		times: 3,
		random: new Random(1),
		longest: 60,
	});
	assert.ok(hits > 0, "no kill hit a training");
	await checkSame("killed");
	const kept = (await readdir(join(folder, "killed"))).filter((name) => name.startsWith("checkpoint-"));
	assert.is(kept.length, 2, kept.join());
	assert.ok(kept.includes("checkpoint-00000012.safetensors"));
});

test("more epochs continue a run that has ended; a damaged checkpoint is passed over", async () => {
	const first = await tessera("train", ...options, "--schedule", "constant", "--out", "short", ...often);
	assert.is(first.code, 0, first.errors);
	const long = await tessera("train", ...options, "--schedule", "constant", "--epochs", "3", "--out", "long");
	assert.is(long.code, 1); // Each option is given once.
	const options3 = options.map((word, i) => (options[i - 1] === "--epochs" ? "3" : word));
	const longer = await tessera("train", ...options3, "--schedule", "constant", "--out", "long");
	assert.is(longer.code, 0, longer.errors);
	const newest = join(folder, "short", "checkpoint-00000012.safetensors");
	const metrics = join(folder, "short", "metrics.jsonl");
	await truncate(newest, 500);
	await writeFile(metrics, `${await readFile(metrics, "utf8")}{"type":"step","step":13,"lo`);
	const continued = await tessera("train", "--resume", "short", "--epochs", "3");
	assert.is(continued.code, 0, continued.errors);
	assert.match(continued.errors, /Passed over a checkpoint .*checkpoint-00000012\.safetensors"/);
	assert.match(continued.output, /Continuing after step 10, in epoch 2/);
	const file = "model.safetensors";
	assert.is(await hashOf(join(folder, "short", file)), await hashOf(join(folder, "long", file)));
	assert.equal(await rowsOf(metrics), await rowsOf(join(folder, "long", "metrics.jsonl")));
});

test("a prior continues with the same bits, and not for another model", async () => {
	const prior = ["--epochs", "2", "--batch", "16", "--channels", "4", "--layers", "1", "--dropout", "0.2"];
	const whole = await tessera("train-prior", "whole", ...prior);
	assert.is(whole.code, 0, whole.errors);
	await trainWithKills({
		folder,
		first: ["train-prior", "killed", ...prior, "--checkpoint-every", "1"],
		resume: ["train-prior", "--resume", "killed", "--checkpoint-every", "1"],
		run: "killed",
		metrics: "prior-metrics.jsonl",
		times: 2,
		random: new Random(2),
		longest: 30,
	});
	for (const file of ["prior.safetensors", "prior-best.safetensors"])
		assert.is(await hashOf(join(folder, "killed", file)), await hashOf(join(folder, "whole", file)), file);
	assert.equal(
		await rowsOf(join(folder, "killed", "prior-metrics.jsonl")),
		await rowsOf(join(folder, "whole", "prior-metrics.jsonl")),
	);
	const mistakes = [
		[["train-prior", "--resume", "short"], /"short" has no training of a prior to continue/],
		[["train-prior", "--resume", "killed", "--batch", "8"], /--batch was 16 and is 8/],
		[["train-prior", "--resume", "killed"], /has had its 2 epochs: give --epochs 3/],
	] as const;
	await checkMistakes(folder, mistakes, 1); // one after the other, because they lock the folder
});

test("what does not fit is named in one line, with exit code 1", async () => {
	const config = join(folder, "short", "config.json");
	const text = await readFile(config, "utf8");
	const mistakes = [
		[
			["train", "--resume", "whole", "--batch", "4", "--codes", "24", "--flip"],
			/--batch was 8 and is 4, --codes was 12 and is 24\. .*Only --epochs and --lr may change/,
		],
		[["train", "--resume", "whole", "--data", "mnist"], /--data was "digits" and is "mnist"/],
		[["train", "--resume", "whole"], /has had its 2 epochs: give --epochs 3 or more/],
		[["train", "--resume", "whole", "--out", "other"], /--out has no effect with --resume/],
		[["train", "--resume", "nowhere"], /There is no file or folder "nowhere"/],
		[["train", "--checkpoint-every", "0"], /--checkpoint-every must be a number of steps, or a time such as 30s/],
		[["train", "--checkpoint-every", "5 minutes"], /--checkpoint-every must be .* but is "5 minutes"/],
		[["train", "--background", "mauve"], /--background must be black, white or a colour/],
		[["train", "--channels", "2"], /--channels must be odd/],
		[["train", "--size", "30"], /--size must be divisible by 4/],
		[["train", "--validation", "1"], /--validation must be .*below 1/],
	] as const;
	await checkMistakes(folder, mistakes, 1);
	await writeFile(config, text.replace("fingerprint", "other"));
	await checkMistakes(folder, [[["train", "--resume", "short"], /"short" has nothing to continue from/]]);
	await writeFile(config, text.replace(/"fingerprint": "./, '"fingerprint": "x'));
	await checkMistakes(folder, [
		[
			["train", "--resume", "short", "--epochs", "9"],
			/images of "digits" are not those that the run in "short" began with/,
		],
	]);
});

test.run();
