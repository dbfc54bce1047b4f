import { measured } from "../format.js";
import { type Html, html } from "../html.js";
import type { Curve, CurveChart } from "../page/chart_data.js";
import type { Metrics, PriorReport, TestRow } from "../report_types.js";
import { downsample, spansDecades } from "../series.js";

const mostPoints = 2000;
/** Points are marked by dots up to this many. */
const mostDotted = 60;

/** The charts of the training of the model. */
export function modelCharts({ steps, tests }: Metrics, heldOut: string): CurveChart[] {
	const charts: CurveChart[] = [
		chart("chart-nmse", "NMSE", "logarithmic", [
			curve("training batch", 1, steps, "reconLoss"),
			curve(heldOut, 2, tests, "nmse"),
		]),
		chart("chart-loss", "Loss", "logarithmic", [
			curve("total", 1, steps, "loss"),
			curve("commitment", 3, steps, "commitmentLoss"),
		]),
		chart("chart-perplexity", "Perplexity", "from zero", [
			curve("training batch", 1, steps, "perplexity"),
			curve(heldOut, 2, tests, "perplexity"),
			curve(`codes in use, ${heldOut}`, 4, tests, "codesInUse"),
		]),
		chart("chart-speed", "Images per second", "from zero", [curve("training", 1, tests, "imagesPerSecond")]),
		chart("chart-lr", "Learning rate", "from zero", [curve("learning rate", 3, steps, "lr")]),
	];
	return charts.filter(({ curves }) => curves.length > 0);
}

/** The charts of the training of a prior. */
export function priorCharts({ steps, tests }: PriorReport, heldOut: string): CurveChart[] {
	const charts: CurveChart[] = [
		chart("chart-prior", "Nats per code", "linear", [
			curve("training batch", 1, steps, "nats"),
			curve(heldOut, 2, tests, "nats"),
		]),
		chart("chart-prior-speed", "Images per second, prior", "from zero", [
			curve("training", 1, tests, "imagesPerSecond"),
		]),
	];
	return charts.filter(({ curves }) => curves.length > 0);
}

/** Elements for charts, each with a description of its curves, and what follows them. The page's script draws the charts. */
export function chartFigures(charts: readonly CurveChart[], next?: Html): Html {
	return html`<div class="charts">${charts.map(
		({ id, title, curves }) => html`
<figure class="card"><figcaption id="${id}-title">${title}</figcaption>
<div class="chart" id="${id}" role="group" aria-labelledby="${id}-title" aria-describedby="${id}-text"></div>
<p class="hidden" id="${id}-text">${curves.map(describe).join(" ")}</p></figure>`,
	)}${next}
</div>`;
}

function chart(
	id: string,
	title: string,
	scale: CurveChart["scale"],
	curves: readonly (Curve | undefined)[],
): CurveChart {
	const drawn = curves.filter((curve) => curve !== undefined);
	const isLogarithmic = scale === "logarithmic" && spansDecades(drawn.flatMap(({ y }) => y));
	return { id, title, scale: scale === "logarithmic" && !isLogarithmic ? "from zero" : scale, curves: drawn };
}

/** A value of each row; undefined if no row has it. */
function curve(name: string, colour: number, rows: readonly TestRow[], key: string): Curve | undefined {
	if (rows.every((row) => row[key] === undefined)) return undefined;
	const { x, y } = downsample({ x: rows.map(({ step }) => step), y: rows.map((row) => row[key] ?? null) }, mostPoints);
	const dotted = x.length <= mostDotted;
	return { name, colour, x, y: y.map((value) => (value === null ? null : rounded(value))), dotted };
}

/** Five digits are more than a chart shows. */
function rounded(value: number): number {
	return Number(value.toPrecision(5));
}

function describe({ name, x, y }: Curve): string {
	const points = x.flatMap((step, i) => (typeof y[i] === "number" ? [[step, y[i]] as const] : []));
	const [first, last] = [points[0], points.at(-1)];
	if (first === undefined || last === undefined) return `${name}: no values.`;
	return `${name}: ${measured(first[1])} at step ${first[0]}, ${measured(last[1])} at step ${last[0]}.`;
}
