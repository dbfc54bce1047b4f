import { readFile } from "node:fs/promises";
import { openDevice, TesseraError } from "tessera-gpu";
import type { Benchmark } from "./benchmark.js";
import { type BenchmarkOptions, parseOptions } from "./options.js";

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
export async function runProgram(name: string, benchmarks: readonly Benchmark[]): Promise<void> {
	try {
		const description = benchmarks.map((benchmark) => benchmark.description).join("; ");
		const sized = benchmarks.length === 1 && benchmarks.every((benchmark) => benchmark.sized);
		const options = parseOptions(name, description, process.argv.slice(2), { sized });
		if (options !== undefined) await measure(benchmarks, options);
	} catch (error) {
		const { name, message, stack } = error as NodeJS.ErrnoException;
		const expected = error instanceof TesseraError || name === "CACError" || "code" in (error as Error);
		process.stderr.write(`${expected ? message : stack}\n`);
		process.exitCode = 1;
	}
}
