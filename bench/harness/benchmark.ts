import { readFile } from "node:fs/promises";
import { type Gpu, measureSpeed, openDevice, TesseraError } from "tessera-gpu";
import { type Column, digits, percent, spread, table } from "./format.js";
import { type BenchmarkOptions, parseOptions } from "./options.js";
import { compareReports, defaultPath, type Report, type Row, readReport, writeReport } from "./report.js";

/** What a row is measured with. */
export interface Bench {
	readonly gpu: Gpu;
	readonly options: BenchmarkOptions;
	/** What a loop of fma reaches here, in 10⁹ operations a second. */
	readonly ceiling: number;
	/** What a copy reaches here, in 10⁹ bytes a second. */
	readonly bandwidth: number;
}

/** A row that is yet to be measured. */
export interface Task<R extends Row> {
	readonly name: string;
	readonly measure: (bench: Bench) => Promise<R>;
}

export interface Benchmark<R extends Row> {
	/** As in `npm run bench:NAME`. */
	readonly name: string;
	readonly description: string;
	readonly tasks: (gpu: Gpu) => readonly Task<R>[];
	/** The columns of the table after those that all benchmarks have. */
	readonly columns: readonly Column<R>[];
	/** What stands under the table. */
	readonly footer?: (rows: readonly R[]) => string;
}

/** Columns that every benchmark has. */
const commonColumns: readonly Column<Row>[] = [
	["", ({ name }) => name],
	["ours ms", ({ ours_ms, ours_quartiles }) => spread(ours_ms, ours_quartiles)],
	["tfjs ms", ({ tfjs_ms, tfjs_quartiles }) => spread(tfjs_ms, tfjs_quartiles)],
	["ratio", ({ ratio }) => digits(ratio, "×")],
	["GFLOP/s", ({ gflops }) => digits(gflops)],
	["of ceiling", ({ ceiling_share }) => percent(ceiling_share)],
];

async function versionOf(path: string): Promise<string> {
	const { version } = JSON.parse(await readFile(path, "utf8")) as { version: string };
	return version;
}

async function versions({ tfjs }: BenchmarkOptions): Promise<Record<string, string>> {
	return {
		tessera: await versionOf("package.json"),
		node: process.versions.node,
		webgpu: await versionOf("node_modules/webgpu/package.json"),
		...(tfjs && { tfjs: await versionOf("node_modules/@tensorflow/tfjs-backend-webgpu/package.json") }),
	};
}

function printChanges(before: Report, after: Report, path: string): void {
	const changes = compareReports(before, after);
	console.log(`\nAgainst ${path} (${before.date}, ${before.adapter}):`);
	if (before.adapter !== after.adapter) console.log("The adapters differ: the times cannot be compared.");
	console.log(
		table(
			[
				["", ({ name }) => name],
				["before ms", ({ before }) => digits(before)],
				["now ms", ({ after }) => digits(after)],
				["change", ({ before, after }) => `${after < before ? "" : "+"}${digits(100 * (after / before - 1))} %`],
				["beyond the noise", ({ verdict }) => verdict],
				["tfjs now / before", ({ tfjs }) => digits(tfjs)],
			],
			changes,
		),
	);
	const missing = after.rows.length - changes.length;
	if (missing > 0) console.log(`${missing} rows are not in the earlier file.`);
}

async function measureAll<R extends Row>(
	benchmark: Benchmark<R>,
	options: BenchmarkOptions,
	gpu: Gpu,
): Promise<Report<R>> {
	const all = benchmark.tasks(gpu);
	const tasks = all.filter(({ name }) => name.includes(options.only ?? ""));
	if (tasks.length === 0)
		throw new TesseraError(`No row has "${options.only}" in its name: ${all.map(({ name }) => name).join(", ")}.`);
	const { gflops: ceiling, bandwidth } = await measureSpeed(gpu);
	const rows: R[] = [];
	for (const [i, { name, measure }] of tasks.entries()) {
		const start = performance.now();
		process.stderr.write(`[${i + 1}/${tasks.length}] ${name} …`);
		const row = await measure({ gpu, options, ceiling, bandwidth });
		rows.push(row);
		gpu.trim();
		process.stderr.write(
			` ${digits(row.ours_ms)} ms, ${digits(row.ratio, "× tfjs")} (${digits((performance.now() - start) / 1000)} s)\n`,
		);
	}
	return {
		benchmark: benchmark.name,
		adapter: gpu.adapter.description || gpu.adapter.device || gpu.adapter.vendor,
		ceiling_gflops: ceiling,
		bandwidth_gbs: bandwidth,
		date: new Date().toISOString(),
		versions: await versions(options),
		rows,
	};
}

/** The whole of a benchmark's program: reads the command line, measures, prints, writes. */
export async function runBenchmark<R extends Row>(benchmark: Benchmark<R>): Promise<void> {
	try {
		const { name, columns } = benchmark;
		const options = parseOptions(`bench:${name}`, benchmark.description, process.argv.slice(2));
		if (options === undefined) return;
		// Read before anything is measured: a mistyped path should not cost minutes.
		const before = options.compare === undefined ? undefined : await readReport(options.compare);
		const gpu = await openDevice({ adapter: options.adapter });
		const report = await measureAll(benchmark, options, gpu);
		console.log(
			`\n${name} on ${report.adapter}: fma ceiling ${digits(report.ceiling_gflops)} GFLOP/s, bandwidth ${digits(report.bandwidth_gbs)} GB/s\n`,
		);
		console.log(table([...commonColumns, ...columns], report.rows));
		for (const { name, note } of report.rows) if (note !== undefined) console.log(`${name}: ${note}`);
		if (benchmark.footer !== undefined) console.log(benchmark.footer(report.rows));
		if (before !== undefined && options.compare !== undefined) printChanges(before, report, options.compare);
		const written = await writeReport(report, options.out ?? defaultPath(report.adapter, name));
		console.log(`\nWritten: ${written.join(", ")}`);
		gpu.dispose();
	} catch (error) {
		const expected = error instanceof TesseraError || (error as Error).name === "CACError";
		process.stderr.write(`\n${expected ? (error as Error).message : (error as Error).stack}\n`);
		process.exitCode = 1;
	}
}
