// Runs the bundled test files next to it, as uvu's own runner does, and counts.
// A failed run ends at once, whatever its tests left open.
//   node build/test/node/run.js [--times] [--folder=PATH] [part of a file's path …]
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { QueueCounter } from "./queue.js";

/** How long one file may take, in milliseconds. */
const patience = 600_000;

const flags = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

const folder = flags
	.filter((flag) => flag.startsWith("--folder="))
	.map((flag) => resolve(flag.slice("--folder=".length)))
	.concat(dirname(fileURLToPath(import.meta.url)))[0] as string;

/** Tests that take minutes: `npm run test:long`. */
const longTests = join("node", "long");

/** The test files whose path holds one of the filters; without filters all but the long ones. */
async function testFiles(): Promise<string[]> {
	const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".test.js")).sort();
	if (filters.length === 0) return files.filter((file) => !file.startsWith(longTests));
	return files.filter((file) => filters.some((filter) => file.includes(filter)));
}

const counter = new QueueCounter();
const { exec } = await import("uvu");
const times: { name: string; milliseconds: number }[] = [];

for (const name of await testFiles()) {
	counter.open(name);
	const start = performance.now();
	try {
		await import(pathToFileURL(join(folder, name)).href);
	} catch (error) {
		counter.failed++;
		console.error(`${name} could not be loaded:`, error);
	}
	times.push({ name, milliseconds: performance.now() - start });
}
/** Prints the counts and ends the process. */
function end(): void {
	for (const complaint of counter.complaints()) console.log(complaint);
	process.exitCode = counter.succeeded() ? 0 : 1;
	// Written last, so that all has been printed when it ends. After success the process ends by itself: a test of its own.
	const done = counter.succeeded() ? undefined : () => process.exit();
	process.stdout.write(`${counter.passed} passed, ${counter.failed} failed\n`, done);
}

let watch = setTimeout(() => {}, 0);
counter.wrap(
	(name) => {
		watch = setTimeout(() => {
			console.log(`\n${name} has not ended after ${patience / 1000} s.`);
			counter.failed++;
			end();
		}, patience).unref();
	},
	(name, milliseconds) => {
		clearTimeout(watch);
		const entry = times.find((time) => time.name === name);
		if (entry) entry.milliseconds += milliseconds;
	},
);
await exec();

if (flags.includes("--times")) {
	const slowest = times.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, 10);
	for (const { name, milliseconds } of slowest)
		console.log(`${(milliseconds / 1000).toFixed(2).padStart(8)} s  ${name}`);
}
end();
