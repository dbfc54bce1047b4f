import { spawn } from "node:child_process";
import files, { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { hostname, tmpdir } from "node:os";
import { join, resolve as resolvePath } from "node:path";
import { DataError, loadSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeSafetensors, loadSafetensorsMetadata } from "../../../src/io/safetensors.js";
import { imageGrid } from "../../../src/node/images/image_grid.js";
import { appendMetrics, clearMetrics } from "../../../src/node/runs/metrics_file.js";
import { lockRun } from "../../../src/node/runs/run_lock.js";
import { runTessera } from "../cli/command_line.js";

let folder = "";
const program = resolvePath("dist/node/cli.js");
const tessera = (words: readonly string[], watch?: Parameters<typeof runTessera>[2]) =>
	runTessera(folder, words, watch);
const tiny = ["--images", "16", "--batch", "8", "--codes", "8", "--dim", "4", "--hidden", "8"];

const test = suite("how runs end");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-end-"));
	const { code, errors } = await tessera(["train", ...tiny, "--epochs", "1", "--out", "good"]);
	assert.is(code, 0, errors);
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

test("a training that diverges ends at once with what to try, and keeps the last finite weights", async () => {
	const { code, mistakes } = await tessera(["train", ...tiny, "--epochs", "50", "--lr", "1e9", "--out", "diverged"]);
	assert.is(code, 1);
	assert.is(mistakes.length, 1);
	assert.match(mistakes[0] as string, /diverged at step \d+: .* became (NaN|-?Infinity)/);
	assert.match(mistakes[0] as string, /--lr 1000000000 is too high: try 0\.006, the default, or less/);
	assert.not.ok((await readdir(join(folder, "diverged"))).includes(".tessera.lock"), "unlocked");
	for (const { data } of Object.values(await weightsIn("diverged")))
		assert.ok(Array.from(data).every(Number.isFinite), "what is saved is finite");

	// Losses of several steps are read together; those before the first that is not finite are kept.
	const small = ["--images", "64", "--batch", "4", "--hidden", "4", "--codes", "4", "--dim", "2"];
	const late = await tessera(["train", ...small, "--lr", "1e7", "--schedule", "constant", "--out", "late"]);
	const diverged = Number(/diverged at step (\d+)/.exec(late.mistakes[0] as string)?.[1]);
	assert.ok(diverged >= 2, `diverged at step ${diverged}`);
	const rows = (await readFile(join(folder, "late", "metrics.jsonl"), "utf8")).trimEnd().split("\n");
	const steps = rows.map((row) => JSON.parse(row));
	assert.equal(
		steps.map(({ step }) => step),
		Array.from({ length: diverged - 1 }, (_, i) => i + 1),
	);
	assert.ok(steps.every(({ loss }) => Number.isFinite(loss)));

	// One step whose loss is finite, with weights beyond float32's range after it.
	const step = ["--epochs", "1", "--lr", "1e39"];
	const once = await tessera(["train", "--images", "8", ...step, "--out", "once"]);
	assert.is(once.code, 1);
	assert.match(once.mistakes[0] as string, /diverged at step 1: .*no weights were written/);
	assert.not.ok((await readdir(join(folder, "once"))).includes("model.safetensors"));
	const oncePrior = await tessera(["train-prior", "good", ...step, "--channels", "2", "--layers", "1"]);
	assert.is(oncePrior.code, 1);
	assert.match(oncePrior.mistakes[0] as string, /diverged at step 1: .*no weights were written/);
	assert.not.ok((await readdir(join(folder, "good"))).includes("prior.safetensors"));

	const prior = await tessera(["train-prior", "good", "--epochs", "50", "--batch", "4", "--lr", "1e30"]);
	assert.is(prior.code, 1);
	assert.match(prior.mistakes[0] as string, /The training of the prior diverged|The training diverged at step \d+/);
	assert.match(prior.mistakes[0] as string, /--lr 1e\+30 is too high/);
	assert.not.match(prior.output, /bits per image/);
});

/** The weights of a run, if it has any. */
async function weightsIn(run: string) {
	const bytes = await readFile(join(folder, run, "model.safetensors")).catch(() => undefined);
	return bytes === undefined ? {} : loadSafetensors(bytes);
}

test("weights that are not finite are refused by every command that loads them", async () => {
	const bytes = await readFile(join(folder, "good", "model.safetensors"));
	const dict = loadSafetensors(bytes);
	const name = "decoder.convs.4.bias";
	const poisoned = { ...dict, [name]: { ...dict[name], data: Float32Array.of(Number.NaN) } };
	await mkdir(join(folder, "nan"));
	await writeFile(join(folder, "nan", "config.json"), await readFile(join(folder, "good", "config.json")));
	await writeFile(
		join(folder, "nan", "model.safetensors"),
		encodeSafetensors(poisoned as typeof dict, loadSafetensorsMetadata(bytes)),
	);
	const sizes = { count: 1, channels: 1, height: 28, width: 28, columns: 1, scale: 1, gap: 0 };
	await writeFile(join(folder, "a.png"), imageGrid({ images: new Uint8Array(784), ...sizes }));
	for (const words of [
		["summary", "nan"],
		["reconstruct", "nan", "a.png"],
		["train-prior", "nan"],
	]) {
		const { code, output, mistakes } = await tessera(words);
		assert.is(code, 1, words.join(" "));
		assert.match(mistakes[0] as string, /1 of the 1 numbers of decoder\.convs\.4\.bias are not finite \(NaN\)/);
		assert.is(output, "", words.join(" "));
	}
});

test("a folder that holds a run is refused; --overwrite removes what that run left, and nothing else", async () => {
	const run = join(folder, "taken");
	await mkdir(run);
	const left = [
		...["config.json", "model.safetensors", "epoch-007.png", "samples.png", "prior.safetensors"],
		...[
			"checkpoint-00000099.safetensors",
			"prior-config.json",
			"prior-checkpoint-00000001.safetensors",
			"prior-metrics.csv",
		],
	];
	const own = ["notes.txt", "epoch-7.txt", "my-samples.png"];
	for (const name of [...left, ".model.safetensors.0123456789ab.tmp", ...own]) await writeFile(join(run, name), "old");
	const refused = await tessera(["train", ...tiny, "--epochs", "1", "--out", "taken"]);
	assert.is(refused.code, 1);
	assert.match(refused.mistakes[0] as string, /--out "taken" contains another run \(config\.json, .*--overwrite/);
	assert.is(await readFile(join(run, "model.safetensors"), "utf8"), "old");
	const { code, errors } = await tessera(["train", ...tiny, "--epochs", "1", "--out", "taken", "--overwrite"]);
	assert.is(code, 0, errors);
	const written = [
		"best.safetensors",
		"chart.svg",
		"checkpoint-00000002.safetensors",
		"config.json",
		"epoch-001.png",
		"metrics.csv",
		"metrics.jsonl",
		"model.safetensors",
		"reconstructions.png",
		"report-data.json",
		"report.html",
	];
	assert.equal((await readdir(run)).sort(), [...written, ...own].sort());
});

test("a run that is killed before its first epoch ends leaves no older model next to its config.json", async () => {
	const words = ["train", "--images", "4000", "--batch", "4", "--epochs", "1", "--out", "taken", "--overwrite"];
	await tessera(words, (text, interrupt) => {
		if (text.includes("Training on")) interrupt("SIGKILL");
	});
	const names = await readdir(join(folder, "taken"));
	assert.ok(names.includes("config.json") && names.includes(".tessera.lock"), names.join());
	assert.not.ok(names.includes("model.safetensors"), names.join());
	const { code, errors } = await tessera(["train", ...tiny, "--epochs", "1", "--out", "taken", "--overwrite"]);
	assert.is(code, 0, `the lock of a process that is gone is taken over: ${errors}`);
});

test("two runs in one folder: the second is told of the first", async () => {
	const lock = await lockRun(join(folder, "good"));
	try {
		const refused = [
			["train", ...tiny, "--epochs", "1", "--out", "good", "--overwrite"],
			["train-prior", "good"],
		];
		for (const words of refused) {
			const { code, mistakes } = await tessera(words);
			assert.is(code, 1, words.join(" "));
			assert.match(mistakes[0] as string, `"good" is in use by another run, of process ${process.pid}`);
		}
		await lock.checkHeld();
	} finally {
		lock.release();
	}
	assert.ok((await readdir(join(folder, "good"))).includes("model.safetensors"), "what was there is still there");
});

test("the lock of a process that was killed is free, although its parent has not noticed yet", async () => {
	const place = join(folder, "zombie");
	await mkdir(place);
	// sleep takes the place of the shell, and never waits for the shell's child.
	const parent = spawn("bash", ["-c", "sleep 0.01 & echo $!; exec sleep 60"]);
	const pid = await new Promise<number>((done) => parent.stdout.once("data", (text) => done(Number(text))));
	try {
		const stat = () => readFile(`/proc/${pid}/stat`, "utf8");
		for (let poll = 0; poll < 500 && !(await stat()).includes(") Z "); poll++)
			await new Promise((done) => setTimeout(done, 10));
		assert.match(await stat(), ") Z ");
		await writeFile(join(place, ".tessera.lock"), JSON.stringify({ pid, host: hostname() }));
		(await lockRun(place)).release();
	} finally {
		parent.kill();
	}
});

test("a lock is taken over by one process only, also if it is of another with the same pid", async () => {
	const place = join(folder, "locked");
	await mkdir(place);
	const stale = JSON.stringify({ pid: process.pid, host: hostname(), started: "1" });
	for (const content of [stale, "", "{}", "no JSON"]) {
		await writeFile(join(place, ".tessera.lock"), content);
		const taken = await Promise.allSettled(Array.from({ length: 4 }, () => lockRun(place)));
		const locks = taken.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
		const held = await Promise.allSettled(locks.map((lock) => lock.checkHeld()));
		assert.is(held.filter(({ status }) => status === "fulfilled").length, 1, content);
		for (const lock of locks) lock.release();
		assert.equal(await readdir(place), []);
	}
	const elsewhere = JSON.stringify({ pid: 1, host: "another-machine" });
	await writeFile(join(place, ".tessera.lock"), elsewhere);
	const refused = await lockRun(place).catch((error: unknown) => String(error));
	assert.match(String(refused), /process 1 on another-machine.*delete .*\.tessera\.lock/);
});

test("a folder that vanishes ends the run with a sentence, and is not made again", async () => {
	const run = join(folder, "vanishing");
	let moved: Promise<void> | undefined;
	const words = ["train", "--images", "2000", "--batch", "4", "--epochs", "5", "--out", "vanishing"];
	const { code, mistakes } = await tessera(words, (text) => {
		if (text.includes("Training on")) moved ??= rename(run, join(folder, "elsewhere"));
	});
	await moved;
	assert.is(code, 1);
	assert.match(mistakes.join("\n"), /The folder of the run, "vanishing", was removed or moved/);
	assert.not.ok((await readdir(folder)).includes("vanishing"));
});

/** Runs a line of sh; on its standard output come the exit codes that it echoes. */
function shell(line: string): Promise<{ readonly output: string; readonly errors: string }> {
	return new Promise((done, reject) => {
		const child = spawn("bash", ["-c", line], { cwd: folder });
		let [output, errors] = ["", ""];
		child.stdout.on("data", (text) => {
			output += text;
		});
		child.stderr.on("data", (text) => {
			errors += text;
		});
		child.on("error", reject);
		child.on("close", () => done({ output, errors }));
	});
}

test("a pipe that is closed ends a training quietly, with its weights", async () => {
	const words = `train --images 400 --batch 4 --epochs 500 --out piped`;
	const { output, errors } = await shell(`node ${program} ${words} | head -n 1; echo "\${PIPESTATUS[0]}"`);
	assert.match(output, /^Training on .*\n141\n$/);
	assert.not.match(errors, /EPIPE|Error|tessera:/);
	loadSafetensors(await readFile(join(folder, "piped", "model.safetensors")));
	const help = await shell(`node ${program} train --help | true; echo "\${PIPESTATUS[0]}"`);
	assert.match(help.output, /^(0|141)\n$/);
	assert.is(help.errors, "");
});

test("rows that a full disk cuts off are taken back, and the message has the path and what to do", async () => {
	const path = join(folder, "cut.jsonl");
	await clearMetrics(path);
	await appendMetrics(path, [{ a: 1 }]);
	const { open } = files;
	files.open = async (...options) => {
		const file = await open(...options);
		file.writeFile = async (text) => {
			await file.write(String(text).slice(0, 12));
			throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
		};
		return file;
	};
	syncBuiltinESMExports();
	try {
		const failed = await appendMetrics(path, [{ b: 2 }, { c: 3 }]).catch((error: unknown) => error);
		assert.instance(failed, DataError);
		assert.match(String(failed), /cut\.jsonl" could not be written: the disk is full; free some space/);
	} finally {
		files.open = open;
		syncBuiltinESMExports();
	}
	await appendMetrics(path, [{ d: 4 }]);
	assert.is(await readFile(path, "utf8"), '{"a":1}\n{"d":4}\n');
});

test("rows are appended to what is there, and a folder that is gone is named", async () => {
	const path = join(folder, "rows.jsonl");
	await clearMetrics(path);
	await appendMetrics(path, [{ a: 1 }, { b: 2 }]);
	await appendMetrics(path, []);
	await appendMetrics(path, [{ c: 3 }]);
	assert.is(await readFile(path, "utf8"), '{"a":1}\n{"b":2}\n{"c":3}\n');
	const gone = await appendMetrics(join(folder, "gone", "rows.jsonl"), [{}]).catch((error: unknown) => String(error));
	assert.match(String(gone), /gone\/rows\.jsonl" could not be written/);
});

test("a picture that fails is a warning, and the run continues", async () => {
	// A folder in the picture's place, which no file can replace.
	await mkdir(join(folder, "pictureless", "reconstructions.png"), { recursive: true });
	const { code, output, errors } = await tessera(["train", ...tiny, "--epochs", "2", "--out", "pictureless"]);
	assert.is(code, 0, errors);
	assert.match(errors, /Warning: The pictures could not be made: .*reconstructions\.png/);
	assert.match(output, /epoch 2: test NMSE/);
	assert.ok((await readdir(join(folder, "pictureless"))).includes("chart.svg"));
});

test.run();
