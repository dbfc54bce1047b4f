import { escapeHtml } from "./html.js";
import { type Heading, scrolling } from "./markdown.js";

/** What the page shows of a JSON file that `npm run bench` writes; bench/README.md describes the columns. */
export interface BenchmarkReport {
	readonly benchmark: string;
	readonly adapter: string;
	readonly driver: string;
	readonly date: string;
	readonly versions: Readonly<Record<string, string>>;
	readonly rows: readonly BenchmarkRow[];
}

interface BenchmarkRow {
	readonly name: string;
	readonly shape?: string;
	readonly ours_ms: number;
	readonly ours_quartiles: readonly [number, number];
	readonly tfjs_ms?: number | null;
	readonly ratio?: number | null;
	readonly jax_ms?: number | null;
	readonly jax_ratio?: number | null;
	readonly gflops?: number | null;
	readonly ceiling_share?: number | null;
	readonly note?: string;
}

const titles: Readonly<Record<string, string>> = {
	argmin: "Nearest code",
	conv: "Convolutions",
	ops: "Operations",
	train: "Training step and first step",
};

/** Three digits, in the units of the column. */
function number(value: number | null | undefined, unit: string): string {
	if (value === null || value === undefined) return "";
	return `${Number(value.toPrecision(3)).toLocaleString("en")}${unit}`;
}

function time(milliseconds: number | null | undefined): string {
	if (milliseconds === null || milliseconds === undefined) return "";
	return milliseconds < 1000 ? number(milliseconds, " ms") : number(milliseconds / 1000, " s");
}

/** The table of a report: medians, half the interquartile range of ours, and ratios. Columns without a value are left out. */
function table({ benchmark, driver, rows }: BenchmarkReport): string {
	const columns: readonly (readonly [title: string, cell: (row: BenchmarkRow) => string])[] = [
		["shape", ({ shape }) => shape ?? ""],
		["Tessera", ({ ours_ms }) => time(ours_ms)],
		["±", ({ ours_quartiles: [first, third] }) => time((third - first) / 2)],
		["tfjs", ({ tfjs_ms }) => time(tfjs_ms)],
		["ratio", ({ ratio }) => number(ratio, "×")],
		["jax-js", ({ jax_ms }) => time(jax_ms)],
		["jax-js ratio", ({ jax_ratio }) => number(jax_ratio, "×")],
		["GFLOP/s", ({ gflops }) => number(gflops, "")],
		["of ceiling", ({ ceiling_share: share }) => (share ? `${Math.round(100 * share)} %` : "")],
	];
	const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
	const head = used.map(([title]) => `<th scope="col"${title === "shape" ? "" : ' class="number"'}>${title}</th>`);
	const lines = rows.map((row) => {
		const cells = used.map(([title, cell]) => {
			const kind = title === "shape" ? "shape" : "number";
			return `<td class="${kind}">${escapeHtml(cell(row))}</td>`;
		});
		return `<tr><th scope="row"><code>${escapeHtml(row.name)}</code></th>${cells.join("")}</tr>`;
	});
	const html = `<table><thead><tr><th scope="col">row</th>${head.join("")}</tr></thead><tbody>\n${lines.join("\n")}\n</tbody></table>`;
	return scrolling(html, `${titles[benchmark] ?? benchmark}, ${driver}`);
}

/** The colours of the charts that `npm run bench` draws, as those of the page. */
const colours: Readonly<Record<string, string>> = {
	white: "none",
	"#222": "var(--text)",
	"#333": "var(--text)",
	"#555": "var(--muted)",
	"#999": "var(--muted)",
	"#e8e8e8": "var(--edge)",
	"#2a9d8f": "var(--curve-1)",
};

/** A chart for the page: in its colours and fonts, and as one picture for screen readers, which is called by its title. */
function themedChart(svg: string, driver: string): string {
	const label = `${/<text[^>]*>([^<]+)</.exec(svg)?.[1] ?? "Chart"}, ${driver}`;
	const themed = svg
		.replace(/\b(fill|stroke)="([^"]+)"/g, (_, name, colour) => `${name}="${colours[colour] ?? colour}"`)
		.replace(/ font-family="[^"]*"/g, "")
		.replace(/ (?:aria-[a-z]+|role|xmlns(?::xlink)?|class|version)="[^"]*"/g, "")
		.replace(/^<svg/, `<svg class="chart" role="img" aria-label="${escapeHtml(label)}"`);
	return scrolling(themed, label);
}

/** Whether an adapter, by the name in its results, is one of those that compute on the CPU. */
export function computesOnCpu(adapter: string): boolean {
	return /^(?:llvmpipe|swiftshader)/.test(adapter);
}

/** The part of the page for each adapter: charts and tables. */
export function benchmarkSections(reports: readonly { report: BenchmarkReport; chart: string }[]): {
	readonly html: string;
	readonly headings: readonly Heading[];
} {
	const headings: Heading[] = [];
	const parts: string[] = [];
	const heading = (depth: 2 | 3, id: string, text: string) => {
		headings.push({ depth, id, html: escapeHtml(text) });
		const anchor = `<a class="anchor" href="#${id}" aria-label="Link to ${escapeHtml(text)}">#</a>`;
		parts.push(`<h${depth} id="${id}">${escapeHtml(text)} ${anchor}</h${depth}>`);
	};
	for (const adapter of new Set(reports.map(({ report }) => report.adapter))) {
		const own = reports.filter(({ report }) => report.adapter === adapter);
		const driver = own[0]?.report.driver ?? adapter;
		// Without the version of the distribution and of the driver's interface.
		heading(2, adapter, driver.replace(/-\d+~\S+/, "").replace(/ 0\.0\.1$/, ""));
		parts.push(`<p>${computesOnCpu(adapter) ? "It computes on the CPU. " : ""}Driver: ${escapeHtml(driver)}.</p>`);
		for (const { report, chart } of own) {
			const title = titles[report.benchmark] ?? report.benchmark;
			heading(3, `${adapter}-${report.benchmark}`, title);
			const { tfjs = "", jax = "", webgpu = "", node = "" } = report.versions;
			parts.push(
				`<p class="meta">Measured on ${report.date.slice(0, 10)} with <code>npm run bench:${report.benchmark}</code>: ` +
					`tfjs-backend-webgpu ${tfjs}, jax-js ${jax}, webgpu ${webgpu}, Node ${node}.</p>`,
				themedChart(chart, driver),
				table(report),
			);
			const notes = report.rows.flatMap(({ name, note }) =>
				note === undefined ? [] : [`<li><code>${escapeHtml(name)}</code>: ${escapeHtml(note)}.</li>`],
			);
			if (notes.length > 0) parts.push(`<ul class="notes">${notes.join("\n")}</ul>`);
		}
	}
	return { html: parts.join("\n"), headings };
}
