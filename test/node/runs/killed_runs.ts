import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve as resolvePath } from "node:path";
import { setTimeout } from "node:timers/promises";
import { loadSafetensors, type Random } from "tessera-gpu";
import * as assert from "uvu/assert";
import { runTessera } from "../cli/command_line.js";

const program = resolvePath("dist/node/cli.js");

/** Rows of a file of metrics that do not depend on the clock. */
export async function rowsOf(path: string): Promise<unknown[]> {
	const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
	return lines.map((line) => {
		const { seconds: _, imagesPerSecond: __, ...row } = JSON.parse(line) as Record<string, unknown>;
		return row;
	});
}

export async function hashOf(path: string): Promise<string> {
	return createHash("sha256")
		.update(await readFile(path))
		.digest("hex");
}

/** Nothing in the folder of a run is half: weights and checkpoints are complete, and metrics end with at most one broken line. */
export async function checkWhole(run: string): Promise<void> {
	for (const name of await readdir(run)) {
		if (name.startsWith(".")) continue; // the lock, and temporary files
		const bytes = await readFile(join(run, name));
		if (name.endsWith(".safetensors")) loadSafetensors(bytes);
		if (name.endsWith(".json")) JSON.parse(bytes.toString());
		if (name.endsWith(".jsonl")) for (const line of bytes.toString().split("\n").slice(0, -1)) JSON.parse(line);
		if (name.endsWith(".png")) assert.equal([...bytes.subarray(-8, -4)], [73, 69, 78, 68], name);
	}
}

interface Kills {
	readonly folder: string;
	/** Starts the training. */
	readonly first: readonly string[];
	/** Continues it. */
	readonly resume: readonly string[];
	readonly run: string;
	/** The file of metrics, whose growth shows that steps are taken. */
	readonly metrics: string;
	readonly times: number;
	readonly random: Random;
	/** The longest time from the first new step to the kill, in milliseconds. */
	readonly longest: number;
}

/**
 * Starts a training, kills it with SIGKILL so many times at random moments, continuing it each time, and lets it end.
 *
 * @returns how many of the kills hit a training that was under way
 */
export async function trainWithKills(kills: Kills): Promise<number> {
	const { folder, first, resume, run, metrics, times, random, longest } = kills;
	const path = join(folder, run, metrics);
	const size = async () => (await readFile(path).catch(() => Buffer.alloc(0))).length;
	let hits = 0;
	for (let i = 0; i < times; i++) {
		const child = spawn(process.execPath, [program, ...(i === 0 ? first : resume)], { cwd: folder, stdio: "pipe" });
		const ended = new Promise<NodeJS.Signals | null>((done) => child.on("close", (_, signal) => done(signal)));
		let isOver = false;
		ended.then(() => {
			isOver = true;
		});
		const before = await size();
		while (!isOver && (await size()) === before) await setTimeout(5);
		await setTimeout(random.integer(longest));
		child.kill("SIGKILL");
		if ((await ended) === "SIGKILL") hits++;
		else break; // It had ended.
		await checkWhole(join(folder, run));
	}
	const { code, errors } = await runTessera(folder, resume);
	// The last kill may have come after the last step.
	if (!/has had its \d+ epochs/.test(errors)) assert.is(code, 0, errors);
	return hits;
}
