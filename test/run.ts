// Runs the bundled test files next to it, as uvu's own runner does, and counts.
// A failed run ends at once, whatever its tests left open. All files run as two processes at a time, because those
// that start the command line wait for it most of the time.
//   node build/test/node/run.js [--times] [--folder=PATH] [part of a file's path …]
import { spawn } from "node:child_process";
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

/** Tests that take minutes, `npm run test:long`, and those that need PyTorch, `npm run test:pytorch`. */
const separateTests = [join("node", "long"), join("node", "pytorch")];
const isSeparate = (file: string) => separateTests.some((start) => file.startsWith(start));

/** Tests that start other programs. */
const programTests = ["cli", "examples", "readme", "runs"].map((name) => join("node", name));

/** Whether a file is in a part of all tests. */
const parts: Record<string, (file: string) => boolean> = {
	library: (file) => !programTests.some((start) => file.startsWith(start)),
	programs: (file) => programTests.some((start) => file.startsWith(start)),
};
const part = flags.find((flag) => flag.startsWith("--part="))?.slice("--part=".length);

/** The test files whose path holds one of the filters; without filters all but the separate ones, or a part of them. */
async function testFiles(): Promise<string[]> {
	const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".test.js")).sort();
	if (part !== undefined) return files.filter((file) => !isSeparate(file) && parts[part]?.(file));
	if (filters.length === 0) return files.filter((file) => !isSeparate(file));
	return files.filter((file) => filters.some((filter) => file.includes(filter)));
}

/** Runs a part of the tests as a process of its own, and returns its counts and what is still to be printed. */
async function runPart(name: string, print: boolean): Promise<{ passed: number; failed: number; left: string }> {
	const child = spawn(process.execPath, [fileURLToPath(import.meta.url), `--part=${name}`, ...flags], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	const kill = () => child.kill();
	process.on("exit", kill);
	let output = "";
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding("utf8").on("data", (text: string) => {
			output += text;
			if (print) process.stdout.write(text);
		});
	const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
	process.off("exit", kill);
	const [, passed, failed] = new RegExp(`^${name}: (\\d+) passed, (\\d+) failed$`, "m").exec(output) ?? [];
	return {
		passed: Number(passed ?? 0),
		failed: Number(failed ?? 0) || Number(code !== 0),
		left: print ? "" : output,
	};
}

if (filters.length === 0 && part === undefined) {
	const [library, programs] = await Promise.all([runPart("library", true), runPart("programs", false)]);
	const passed = library.passed + programs.passed;
	const failed = library.failed + programs.failed || Number(passed === 0);
	process.exitCode = failed === 0 ? 0 : 1;
	process.stdout.write(`${programs.left}\n${passed} passed, ${failed} failed\n`, () => process.exit());
	await new Promise(() => {});
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
	// A part may be empty.
	const succeeded = counter.succeeded() || (part !== undefined && times.length === 0);
	if (!succeeded) for (const complaint of counter.complaints()) console.log(complaint);
	process.exitCode = succeeded ? 0 : 1;
	// Written last, so that all has been printed when it ends. After success the process ends by itself: a test of its own.
	const done = succeeded ? undefined : () => process.exit();
	const prefix = part === undefined ? "" : `${part}: `;
	process.stdout.write(`${prefix}${counter.passed} passed, ${counter.failed} failed\n`, done);
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
