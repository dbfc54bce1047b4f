import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError } from "tessera-gpu";
import { readFileIfThere, writeFileAtomic } from "../../src/node/files.js";
import { ratioChart } from "./ratio_chart.js";
import type { Roofline, Work } from "./roofline.js";
import { differ, type Spread } from "./statistics.js";
import type { Times } from "./times.js";

/** One thing that was measured, without what the adapter can do. */
export interface Measurement extends Times, Work {
	readonly name: string;
	/** The operations of the problem, two per multiply-add, over our time; null if that says nothing. */
	readonly gflops: number | null;
	/** What a reader of the row should know. */
	readonly note?: string | undefined;
}

/** A measurement and how near it is to what the adapter reached before and after it. */
export type Row = Measurement & Roofline;

/** A benchmark's results, as its JSON file has them. */
export interface Report<R extends Row = Row> {
	readonly benchmark: string;
	/** What the adapter calls its device, in lower-case letters, digits and hyphens. */
	readonly adapter: string;
	/** The driver and its version. */
	readonly driver: string;
	/** The variant of kernels that was asked for; by default the adapter's own. */
	readonly variant?: string | undefined;
	readonly date: string;
	readonly versions: Readonly<Record<string, string>>;
	readonly rows: readonly R[];
}

/** A name for files: lower-case letters, digits and single hyphens. */
export function slug(name: string): string {
	return name
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-|-$/g, "");
}

/** The file for a report: the path itself, or the report's own file in the folder (by default bench/results/). */
export function reportPath(path: string | undefined, adapter: string, benchmark: string): string {
	return path?.endsWith(".json") ? path : join(path ?? "bench/results", `${adapter}.${benchmark}.json`);
}

/**
 * Writes the JSON and, if something was compared with tfjs or jax-js, the chart of the ratios next to it.
 * Prints the paths.
 */
export async function writeReport(report: Report, path: string): Promise<string[]> {
	await writeFileAtomic(path, `${JSON.stringify(report, undefined, "\t")}\n`);
	if (report.rows.every(({ peer_ratio }) => peer_ratio === null)) return [path];
	const chart = `${path.replace(/\.json$/, "")}.svg`;
	await writeFileAtomic(chart, await ratioChart(report));
	return [path, chart];
}

function isNumbers(value: unknown): boolean {
	return Array.isArray(value) && value.length === 2 && value.every((x) => typeof x === "number");
}

function isRow(value: unknown): value is Row {
	const row = value as Partial<Row> | null;
	return (
		typeof row?.name === "string" &&
		typeof row.ours_ms === "number" &&
		isNumbers(row.ours_quartiles) &&
		typeof row.ours_runs === "number" &&
		(row.tfjs_ms === null || (typeof row.tfjs_ms === "number" && isNumbers(row.tfjs_quartiles)))
	);
}

/** The report in a JSON text. @throws ArgumentError if it is not one */
export function parseReport(text: string, path: string): Report {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (cause) {
		throw new ArgumentError(`${path} is not JSON: ${(cause as Error).message}`, { cause });
	}
	const report = value as Partial<Report> | null;
	if (typeof report?.adapter !== "string" || !Array.isArray(report.rows) || !report.rows.every(isRow))
		throw new ArgumentError(`${path} is no benchmark's report: it lacks the adapter, or rows with their times.`);
	return report as Report;
}

/**
 * Reads an earlier report from a file, or from a folder, which need not have one.
 *
 * @throws ArgumentError if the file is not a report; the file system's error if a file is missing
 */
export async function readEarlier(path: string, adapter: string, benchmark: string): Promise<Report | undefined> {
	const file = reportPath(path, adapter, benchmark);
	const bytes = file === path ? await readFile(file) : await readFileIfThere(file);
	return bytes === undefined ? undefined : parseReport(new TextDecoder().decode(bytes), file);
}

/** How a row's times changed. */
export interface Change {
	readonly name: string;
	readonly before: number;
	readonly after: number;
	readonly verdict: "faster" | "slower" | "as before";
	/** The time of tfjs over its earlier time: if it is far from 1, the machine changed, not the kernels. */
	readonly tfjs: number | null;
}

function ours({ ours_ms, ours_quartiles, ours_runs }: Row): Spread {
	return { median: ours_ms, quartiles: ours_quartiles, runs: ours_runs };
}

/** The rows that both reports have, in the order of the later. */
export function compareReports(before: Report, after: Report): Change[] {
	const old = new Map(before.rows.map((row) => [row.name, row]));
	return after.rows.flatMap((row): Change[] => {
		const other = old.get(row.name);
		if (other === undefined) return [];
		const faster = row.ours_ms < other.ours_ms;
		return [
			{
				name: row.name,
				before: other.ours_ms,
				after: row.ours_ms,
				verdict: differ(ours(other), ours(row)) ? (faster ? "faster" : "slower") : "as before",
				tfjs: row.tfjs_ms === null || other.tfjs_ms === null ? null : row.tfjs_ms / other.tfjs_ms,
			},
		];
	});
}
