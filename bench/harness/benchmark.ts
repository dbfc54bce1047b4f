import { type Gpu, TesseraError } from "tessera-gpu";
import { type Column, digits, percent, spread, table } from "./format.js";
import type { BenchmarkOptions } from "./options.js";
import { compareReports, type Report, type Row, readEarlier, reportPath, slug, writeReport } from "./report.js";

/** What a row is measured with. */
export interface Bench {
	readonly gpu: Gpu;
	readonly options: BenchmarkOptions;
	/** What a loop of fma reaches here, in 10⁹ operations a second. */
	readonly ceiling: number;
	/** What a copy reaches here, in 10⁹ bytes a second. */
	readonly bandwidth: number;
	readonly versions: Readonly<Record<string, string>>;
}

/** A row that is yet to be measured. */
export interface Task<R extends Row> {
	readonly name: string;
	readonly measure: (bench: Bench) => Promise<R>;
}

export interface Definition<R extends Row> {
	/** As in `npm run bench:NAME`. */
	readonly name: string;
	readonly description: string;
	readonly tasks: (gpu: Gpu) => readonly Task<R>[];
	/** The columns of the table after those that all benchmarks have. */
	readonly columns: readonly Column<R>[];
	/** What stands under the table. */
	readonly footer?: (rows: readonly R[]) => string;
}

/** A benchmark that is ready to run, whatever its rows are. */
export interface Benchmark {
	readonly name: string;
	readonly description: string;
	/** The names of its rows. */
	readonly rows: (gpu: Gpu) => string[];
	/** Measures, prints and writes; false where a row failed. */
	readonly run: (bench: Bench) => Promise<boolean>;
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

export function defineBenchmark<R extends Row>(definition: Definition<R>): Benchmark {
	const { name, description, tasks } = definition;
	return {
		name,
		description,
		rows: (gpu) => tasks(gpu).map((task) => task.name),
		run: (bench) => run(definition, bench),
	};
}

async function run<R extends Row>({ name, tasks, columns, footer }: Definition<R>, bench: Bench): Promise<boolean> {
	const { gpu, options, ceiling, bandwidth, versions } = bench;
	const { device, vendor, description: driver } = gpu.adapter;
	const adapter = slug(device || vendor);
	// Read before anything is measured: a mistyped path should not cost minutes.
	const before = options.compare === undefined ? undefined : await readEarlier(options.compare, adapter, name);

	const wanted = tasks(gpu).filter((task) => task.name.includes(options.only ?? ""));
	const { rows, failed } = await measureAll(name, wanted, bench);
	const report: Report<R> = {
		benchmark: name,
		adapter,
		driver,
		ceiling_gflops: ceiling,
		bandwidth_gbs: bandwidth,
		date: new Date().toISOString(),
		versions,
		rows,
	};
	console.log(
		`\n${name} on ${adapter} (${driver}): fma ceiling ${digits(ceiling)} GFLOP/s, bandwidth ${digits(bandwidth)} GB/s\n`,
	);
	console.log(table([...commonColumns, ...columns], rows));
	for (const row of rows) if (row.note !== undefined) console.log(`${row.name}: ${row.note}`);
	const below = footer?.(rows) ?? "";
	if (below !== "") console.log(below);
	if (before !== undefined) printChanges(before, report);
	// A part of the rows must not take the place of a file with all of them.
	if (options.only !== undefined && options.out === undefined)
		console.log("\nNot written, since --only was given without --out.");
	else if (rows.length > 0)
		console.log(`\nWritten: ${(await writeReport(report, reportPath(options.out, adapter, name))).join(", ")}\n`);
	return !failed;
}

/** Measures row by row, and says on stderr how it goes; a row that fails is left out. */
async function measureAll<R extends Row>(
	benchmark: string,
	tasks: readonly Task<R>[],
	bench: Bench,
): Promise<{ rows: R[]; failed: boolean }> {
	const rows: R[] = [];
	for (const [i, { name, measure }] of tasks.entries()) {
		const start = performance.now();
		process.stderr.write(`[${benchmark} ${i + 1}/${tasks.length}] ${name} …`);
		try {
			const row = await measure(bench);
			rows.push(row);
			const seconds = (performance.now() - start) / 1000;
			process.stderr.write(` ${digits(row.ours_ms)} ms, ${digits(row.ratio, "× tfjs")} (${digits(seconds)} s)\n`);
		} catch (error) {
			const { message, stack } = error as Error;
			process.stderr.write(` FAILED\n${error instanceof TesseraError ? message : stack}\n`);
		}
		bench.gpu.trim();
	}
	return { rows, failed: rows.length < tasks.length };
}

function printChanges(before: Report, after: Report): void {
	const changes = compareReports(before, after);
	console.log(`\nAgainst ${before.adapter} (${before.driver}), ${before.date}:`);
	if (before.adapter !== after.adapter || before.driver !== after.driver)
		console.log("The adapters or their drivers differ.");
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
	if (missing > 0) console.log(`Not in the earlier file: ${missing} of the rows.`);
}
