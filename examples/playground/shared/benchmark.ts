// What a benchmark of the machine gives. The JSON file has this form.

/** Times of repeated calls, in milliseconds. */
export interface Times {
	readonly median: number;
	readonly minimum: number;
	/** Half of the times are between these. */
	readonly quartiles: readonly [number, number];
	/** Samples, each of one or more calls. */
	readonly runs: number;
}

export interface BenchmarkRow {
	readonly name: string;
	readonly kind: "nearest code" | "convolution" | "training step";
	/** Sizes, in words. */
	readonly what: string;
	/** 10⁹ operations a second, two for each multiply-add of the operation; null for the training step. */
	readonly gflops: number | null;
	readonly ours: Times;
	/** The fastest of tfjs's implementations of the same operation; null if it was not asked for, or failed. */
	readonly tfjs: Times | null;
	/** tfjs's median over ours. */
	readonly ratio: number | null;
	/** Whether both results agree up to rounding; null without tfjs. */
	readonly agrees: boolean | null;
	/** What failed in tfjs, or which of its implementations was the fastest. */
	readonly note: string | null;
}

export interface BenchmarkResult {
	readonly format: "tessera-benchmark";
	readonly version: 1;
	/** ISO 8601 */
	readonly date: string;
	/** The version of the library. */
	readonly library: string;
	readonly tfjs: string | null;
	readonly adapter: {
		readonly vendor: string;
		readonly architecture: string;
		readonly device: string;
		readonly description: string;
		/** Whether it computes on the CPU. */
		readonly software: boolean;
		readonly subgroupMinSize: number;
		readonly subgroupMaxSize: number;
	};
	readonly features: readonly string[];
	/** The variants of the kernels that the library chooses from. */
	readonly variants: readonly string[];
	/** As navigator.userAgent has it. */
	readonly browser: string;
	/** Multiply-adds in registers, in 10⁹ operations a second, and bytes of a copy, in 10⁹ a second; before and after the rows. */
	readonly ceiling: {
		readonly before: { readonly gflops: number; readonly bandwidth: number };
		readonly after: { readonly gflops: number; readonly bandwidth: number };
	};
	/** Seconds for each row at most, without the warm-up. */
	readonly budget: number;
	readonly rows: readonly BenchmarkRow[];
}

export interface BenchmarkOptions {
	/** Whether tfjs is loaded and measured, alternately. */
	readonly compare: boolean;
	/** Seconds for each row, about. */
	readonly budget: number;
}

/** The progress of a benchmark. */
export interface BenchmarkState {
	readonly done: number;
	readonly total: number;
	/** Name of the row that is being measured; undefined when the benchmark has ended. */
	readonly now: string | undefined;
	/** The rows that are measured so far. */
	readonly rows: readonly BenchmarkRow[];
	readonly result: BenchmarkResult | undefined;
}

/** A number with three significant digits, without an exponent. */
export function threeDigits(value: number): string {
	if (!Number.isFinite(value)) return "–";
	const places = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
	return value.toFixed(Math.min(places, 4));
}

/** Milliseconds, or seconds if they are many. */
export function milliseconds(value: number): string {
	return value < 1000 ? `${threeDigits(value)} ms` : `${threeDigits(value / 1000)} s`;
}

/** The name of an adapter. */
export function adapterName({
	description,
	device,
	architecture,
	vendor,
}: Pick<BenchmarkResult["adapter"], "description" | "device" | "architecture" | "vendor">): string {
	return description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
}

/** A result in one line, to be pasted into a message. */
export function inOneLine(result: BenchmarkResult): string {
	const { library, adapter, browser, ceiling, rows, tfjs, date } = result;
	const parts = rows.map(
		({ name, ours, ratio }) =>
			`${name} ${milliseconds(ours.median)}${ratio === null ? "" : ` (tfjs ×${threeDigits(ratio)})`}`,
	);
	const best = (of: "gflops" | "bandwidth") => Math.max(ceiling.before[of], ceiling.after[of]);
	return [
		`Tessera ${library}`,
		`${adapterName(adapter)}${adapter.software ? " (CPU)" : ""}`,
		browserName(browser),
		`ceiling ${threeDigits(best("gflops"))} GFLOP/s, ${threeDigits(best("bandwidth"))} GB/s`,
		...parts,
		...(tfjs === null ? [] : [`tfjs ${tfjs}`]),
		date.slice(0, 10),
	].join(" | ");
}

/** A browser and its system, from its user agent. */
export function browserName(agent: string): string {
	const found =
		/(Edg|Firefox|Chrome|Version)\/(\d+)[\d.]*(?=[^(]*$)/.exec(agent.replace(/Chrome\/\S+ (?=.*Edg\/)/, "")) ??
		undefined;
	const names: Readonly<Record<string, string>> = { Edg: "Edge", Version: "Safari" };
	const system = /Windows|Android|iPhone|iPad|Mac OS X|CrOS|Linux/.exec(agent)?.[0];
	const browser = found === undefined ? "unknown browser" : `${names[found[1] as string] ?? found[1]} ${found[2]}`;
	return system === undefined ? browser : `${browser}, ${system}`;
}
