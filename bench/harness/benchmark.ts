import { type Gpu, TesseraError } from "tessera-gpu";
import { type Column, digits, percent, range, spread, table } from "./format.js";
import type { BenchmarkOptions } from "./options.js";
import {
	compareReports,
	type Measurement,
	type Report,
	type Row,
	readEarlier,
	reportPath,
	slug,
	writeReport,
} from "./report.js";
import { CeilingMeter, type Roofline, roofline } from "./roofline.js";

/** What a row is measured with. */
export interface Bench {
	readonly gpu: Gpu;
	readonly options: BenchmarkOptions;
	readonly versions: Readonly<Record<string, string>>;
}

/** A row that is yet to be measured. */
export interface Task<M extends Measurement> {
	readonly name: string;
	readonly measure: (bench: Bench) => Promise<M>;
}

export interface Definition<M extends Measurement> {
	/** As in `npm run bench:NAME`. */
	readonly name: string;
	readonly description: string;
	/** Whether its rows are sizes N×K×D, which the option --size may name. */
	readonly sized?: boolean;
	readonly tasks: (gpu: Gpu, options: BenchmarkOptions) => readonly Task<M>[];
	/** The columns of the table after those that all benchmarks have. */
	readonly columns: readonly Column<M & Roofline>[];
	/** The lines under the table. */
	readonly footer?: (rows: readonly (M & Roofline)[]) => string;
}

/** A benchmark that is ready to run, whatever its rows are. */
export interface Benchmark {
	readonly name: string;
	readonly description: string;
	readonly sized: boolean;
	/** The names of its rows. */
	readonly rows: (gpu: Gpu, options: BenchmarkOptions) => string[];
	/** Measures, prints and writes; false if a row failed. */
	readonly run: (bench: Bench) => Promise<boolean>;
}

/** Columns that every benchmark has. */
const commonColumns: readonly Column<Row>[] = [
	["", ({ name }) => name],
	["ours ms", ({ ours_ms, ours_quartiles }) => spread(ours_ms, ours_quartiles)],
	["tfjs ms", ({ tfjs_ms, tfjs_quartiles }) => spread(tfjs_ms, tfjs_quartiles)],
	["ratio", ({ ratio }) => digits(ratio, "×")],
	["jax-js ms", ({ jax_ms, jax_quartiles }) => spread(jax_ms, jax_quartiles)],
	["jax-js ratio", ({ jax_ratio }) => digits(jax_ratio, "×")],
	["to the faster", ({ peer_ratio }) => digits(peer_ratio, "×")],
	["GFLOP/s", ({ gflops }) => digits(gflops)],
	["of ceiling", ({ ceiling_share }) => percent(ceiling_share)],
	["ceiling GFLOP/s", ({ ceiling_gflops }) => range(ceiling_gflops)],
	["of bandwidth", ({ bandwidth_share }) => percent(bandwidth_share)],
	["ops/byte", ({ intensity }) => digits(intensity)],
	["bound", ({ bound }) => bound ?? "–"],
];

export function defineBenchmark<M extends Measurement>(definition: Definition<M>): Benchmark {
	const { name, description, tasks, sized = false } = definition;
	return {
		name,
		description,
		sized,
		rows: (gpu, options) => tasks(gpu, options).map((task) => task.name),
		run: (bench) => run(definition, bench),
	};
}

async function run<M extends Measurement>(definition: Definition<M>, bench: Bench): Promise<boolean> {
	const { name, tasks, columns, footer } = definition;
	const { gpu, options, versions } = bench;
	const { device, vendor, description: driver } = gpu.adapter;
	const adapter = slug(device || vendor);
	// Read before anything is measured: a mistyped path should not cost minutes.
	const before = options.compare === undefined ? undefined : await readEarlier(options.compare, adapter, name);

	const wanted = tasks(gpu, options).filter((task) => task.name.includes(options.only ?? ""));
	const { rows, failed } = await measureAll(name, wanted, bench);
	const report: Report<M & Roofline> = {
		benchmark: name,
		adapter,
		driver,
		variant: options.variant,
		date: new Date().toISOString(),
		versions,
		rows,
	};
	const [ceilings, copies] = [rows.flatMap((row) => row.ceiling_gflops), rows.flatMap((row) => row.copy_gbs)];
	console.log(
		`\n${name} on ${adapter} (${driver}): fma ceiling ${range(ceilings)} GFLOP/s, bandwidth ${range(copies)} GB/s\n`,
	);
	console.log(table([...commonColumns, ...columns], rows));
	for (const row of rows) if (row.note !== undefined) console.log(`${row.name}: ${row.note}`);
	const below = footer?.(rows) ?? "";
	if (below !== "") console.log(below);
	if (before !== undefined) printChanges(before, report);
	// A part of the rows, or other ones, must not take the place of a file with all of them.
	const special = (["only", "size", "variant"] as const).filter((option) => options[option] !== undefined);
	if (special.length > 0 && options.out === undefined)
		console.log(`\nNot written, since --${special.join(" and --")} was given without --out.`);
	else if (rows.length > 0)
		console.log(`\nWritten: ${(await writeReport(report, reportPath(options.out, adapter, name))).join(", ")}\n`);
	return !failed;
}

/** Measures row by row, and says on stderr how it goes; a row that fails is left out. */
async function measureAll<M extends Measurement>(
	benchmark: string,
	tasks: readonly Task<M>[],
	bench: Bench,
): Promise<{ rows: (M & Roofline)[]; failed: boolean }> {
	const rows: (M & Roofline)[] = [];
	const meter = await CeilingMeter.start(bench.gpu);
	for (const [i, { name, measure }] of tasks.entries()) {
		const start = performance.now();
		process.stderr.write(`[${benchmark} ${i + 1}/${tasks.length}] ${name} …`);
		try {
			const row = await measure(bench);
			rows.push({ ...row, ...roofline(row, await meter.next()) });
			const seconds = (performance.now() - start) / 1000;
			const ratios = `${digits(row.ratio, "× tfjs")}, ${digits(row.jax_ratio, "× jax-js")}`;
			process.stderr.write(` ${digits(row.ours_ms)} ms, ${ratios} (${digits(seconds)} s)\n`);
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
