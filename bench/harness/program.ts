import { readFile } from "node:fs/promises";
import { openDevice, TesseraError } from "tessera-gpu";
import { programOf, runProgram } from "../../src/node/cli/program.js";
import type { Benchmark } from "./benchmark.js";
import { type BenchmarkOptions, benchmarkCommand } from "./options.js";

async function versionOf(path: string): Promise<string> {
	const { version } = JSON.parse(await readFile(path, "utf8")) as { version: string };
	return version;
}

async function versions({ tfjs }: BenchmarkOptions): Promise<Record<string, string>> {
	return {
		tessera: await versionOf("package.json"),
		node: process.versions.node,
		webgpu: await versionOf("node_modules/webgpu/package.json"),
		...(tfjs && {
			tfjs: await versionOf("node_modules/@tensorflow/tfjs-backend-webgpu/package.json"),
			jax: await versionOf("node_modules/@jax-js/jax/package.json"),
		}),
	};
}

async function measure(benchmarks: readonly Benchmark[], options: BenchmarkOptions): Promise<void> {
	const { adapter, variant } = options;
	const gpu = await openDevice({ adapter, ...(variant && { variant }) });
	const rows = benchmarks.map((benchmark) => benchmark.rows(gpu, options));
	const wanted = benchmarks.filter((_, i) => rows[i]?.some((name) => name.includes(options.only ?? "")));
	if (wanted.length === 0)
		throw new TesseraError(`No row has "${options.only}" in its name. There are: ${rows.flat().join(", ")}.`);
	if (options.list) for (const name of rows.flat().filter((row) => row.includes(options.only ?? ""))) console.log(name);
	else
		for (const benchmark of wanted)
			if (!(await benchmark.run({ gpu, options, versions: await versions(options) }))) process.exitCode = 1;
	gpu.dispose();
}

/** The whole of a benchmark's program. It runs in the folder of the repository. */
export async function runBenchmarks(name: string, benchmarks: readonly Benchmark[]): Promise<void> {
	const description = benchmarks.map((benchmark) => benchmark.description).join("; ");
	const sized = benchmarks.length === 1 && benchmarks.every((benchmark) => benchmark.sized);
	const command = benchmarkCommand(name, description, { sized }, (options) => measure(benchmarks, options));
	await runProgram(programOf(command), process.argv.slice(2));
}
