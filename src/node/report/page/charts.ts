import uPlot from "uplot";
import type { Curve, CurveChart } from "./chart_data.js";

const height = 260;

/**
 * Draws the charts of the page.
 *
 * @returns draws them again, with the colours of the theme
 */
export function drawCharts(): () => void {
	const charts = JSON.parse(document.getElementById("charts")?.textContent ?? "[]") as CurveChart[];
	const drawn = new Map<HTMLElement, uPlot>();
	const draw = () => {
		for (const chart of charts) {
			const element = document.getElementById(chart.id);
			if (element === null) continue;
			drawn.get(element)?.destroy();
			drawn.set(element, drawChart(element, chart));
		}
	};
	const observer = new ResizeObserver((entries) => {
		for (const { target } of entries) drawn.get(target as HTMLElement)?.setSize({ width: target.clientWidth, height });
	});
	for (const { id } of charts) {
		const element = document.getElementById(id);
		if (element === null) continue;
		observer.observe(element);
		moveByKeys(element, () => drawn.get(element));
	}
	return draw;
}

function drawChart(element: HTMLElement, { scale, curves }: CurveChart): uPlot {
	const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
	const data = uPlot.join(curves.map(({ x, y }) => [x, y] as unknown as uPlot.AlignedData));
	const axis = (side: "x" | "y"): uPlot.Axis => ({
		stroke: colour("--chart-text"),
		font: "12px system-ui, sans-serif",
		grid: { stroke: colour("--chart-grid"), width: 1 },
		ticks: { stroke: colour("--chart-grid"), width: 1 },
		...(side === "x" ? { space: 60, incrs: wholeSteps } : { size: 56, values: (_, splits) => splits.map(tick) }),
	});
	return new uPlot(
		{
			width: element.clientWidth,
			height,
			// Steps are no times.
			scales: { x: { time: false, range: rangeOfSteps }, y: yScale(scale) },
			axes: [axis("x"), axis("y")],
			series: [{ label: "step" }, ...curves.map((curve) => series(curve, colour(`--curve-${curve.colour}`)))],
			// Curves have points at different steps: each shows its point next to the cursor.
			cursor: { hover: { skip: [undefined, null] }, drag: { x: true, y: false }, points: { size: 7 } },
			hooks: { ready: [showLast], setCursor: [(chart) => (chart.cursor.left ?? -1) < 0 && showLast(chart)] },
		},
		data,
		element,
	);
}

/** Shows the last value of each curve in the legend. */
function showLast(chart: uPlot): void {
	const idxs = chart.data.map((values) => Array.from(values).findLastIndex((value) => typeof value === "number"));
	chart.setLegend({ idxs: idxs.map((index) => (index < 0 ? null : index)) });
}

/** Steps are whole. */
const wholeSteps = Array.from({ length: 10 }, (_, exponent) => [1, 2, 5].map((part) => part * 10 ** exponent)).flat();

/** From 0, unless the reader has zoomed to a part; a single step has room on both sides. */
function rangeOfSteps(chart: uPlot, least: number | null, most: number | null): [number, number] {
	const [low, high] = [least ?? 0, most ?? 1];
	const isWhole = low === chart.data[0][0];
	return [isWhole ? 0 : low === high ? low - 1 : low, low === high ? high + 1 : high];
}

function yScale(scale: CurveChart["scale"]): uPlot.Scale {
	if (scale === "logarithmic") return { distr: 3 };
	if (scale === "linear") return {};
	return { range: (_, least, most) => [Math.min(0, least ?? 0), 1.08 * (most ?? 0) || 1] };
}

function series({ name, dotted }: Curve, stroke: string): uPlot.Series {
	return {
		label: name,
		stroke,
		width: 1.6,
		points: { show: dotted, size: 6, fill: stroke },
		value: (_, value) => (value === null || value === undefined ? "–" : tick(value)),
	};
}

/** A number of an axis or of a point; uPlot leaves out some of a logarithmic axis. */
function tick(value: number | null): string {
	if (value === null) return "";
	if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4)) return value.toExponential(1);
	return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

/** The arrow keys move the cursor of a chart to the next and the previous steps. */
function moveByKeys(element: HTMLElement, chartOf: () => uPlot | undefined): void {
	element.tabIndex = 0;
	element.addEventListener("keydown", (event) => {
		const chart = chartOf();
		const steps = chart?.data[0] ?? [];
		const at = chart?.cursor.idx ?? -1;
		const by = { ArrowRight: 1, ArrowLeft: -1, PageDown: 20, PageUp: -20, Home: -steps.length, End: steps.length }[
			event.key
		];
		if (chart === undefined || by === undefined || steps.length === 0) return;
		event.preventDefault();
		element.querySelector(".u-legend")?.setAttribute("aria-live", "polite");
		const step = steps[Math.max(0, Math.min(steps.length - 1, at + by))] as number;
		chart.setCursor({ left: chart.valToPos(step, "x"), top: chart.over.clientHeight / 2 });
	});
}
