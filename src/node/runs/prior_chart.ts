import type { TopLevelSpec } from "vega-lite";
import { chartStyle, renderChart } from "./render_chart.js";

/** Nats per code after a step. */
export interface PriorPoint {
	readonly step: number;
	readonly nats: number;
}

/** More points than these only darken the chart, so runs of them are averaged. */
const mostPoints = 500;
const names = ["training", "test"] as const;

/** Draws the training of a prior as an SVG: nats per code over the steps, of training batches and of the test set. */
export async function priorChart(
	training: readonly PriorPoint[],
	test: readonly PriorPoint[],
	title: string,
): Promise<string> {
	const values = [
		...averaged(training).map((point) => ({ ...point, name: names[0] })),
		...test.map((point) => ({ ...point, name: names[1] })),
	];
	const spec: TopLevelSpec = {
		$schema: "https://vega.github.io/schema/vega-lite/v6.json",
		background: "white",
		padding: 16,
		title: { text: title, anchor: "start", fontSize: 16, fontWeight: 600, color: "#222", offset: 14 },
		width: 720,
		height: 300,
		data: { values },
		mark: { type: "line", strokeWidth: 1.8, strokeJoin: "round", point: values.length <= 60 },
		encoding: {
			x: { field: "step", type: "quantitative", axis: { title: "step", tickMinStep: 1 }, scale: { nice: false } },
			y: { field: "nats", type: "quantitative", axis: { title: "nats per code" }, scale: { zero: false } },
			color: {
				field: "name",
				type: "nominal",
				scale: { domain: [...names], range: ["#2a9d8f", "#1f3a5f"] },
				legend: { title: null, orient: "top", symbolType: "stroke", symbolStrokeWidth: 3, offset: 8 },
			},
		},
		config: chartStyle,
	};
	return renderChart(spec);
}

/** Means of runs of points, each put at its run's last step, where there are too many. */
function averaged(points: readonly PriorPoint[]): readonly PriorPoint[] {
	const length = Math.ceil(points.length / mostPoints);
	if (length <= 1) return points;
	return Array.from({ length: Math.ceil(points.length / length) }, (_, i) => {
		const run = points.slice(i * length, (i + 1) * length);
		const nats = run.reduce((sum, point) => sum + point.nats, 0) / run.length;
		return { step: (run.at(-1) as PriorPoint).step, nats };
	});
}
