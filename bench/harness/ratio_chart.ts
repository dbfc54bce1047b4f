import { chartStyle, renderChart } from "../../src/node/runs/charts.js";
import type { Report } from "./report.js";

/**
 * Draws how many times faster than the faster of tfjs and jax-js each row is, as an SVG of bars from 1, on
 * a logarithmic scale.
 */
export function ratioChart(report: Report): Promise<string> {
	const values = report.rows.flatMap(({ name, peer_ratio: ratio }) =>
		ratio === null ? [] : [{ name, ratio, label: `${ratio.toPrecision(ratio < 1 ? 2 : 3)}×`, base: 1 }],
	);
	const { tfjs = "", jax = "" } = report.versions;
	const ratios = values.map(({ ratio }) => ratio);
	const y = { field: "name", type: "nominal", sort: null, axis: { title: null, labelLimit: 320 } } as const;
	return renderChart({
		$schema: "https://vega.github.io/schema/vega-lite/v6.json",
		background: "white",
		padding: 16,
		title: {
			text: `${report.benchmark}: times faster than the faster of tfjs and jax-js`,
			subtitle: [
				`${report.adapter} (${report.driver})`,
				`tfjs-backend-webgpu ${tfjs} and jax-js ${jax} on the same device`,
			],
			anchor: "start",
			fontSize: 16,
			fontWeight: 600,
			color: "#222",
			subtitleColor: "#555",
			offset: 14,
		},
		width: 560,
		height: { step: 24 },
		data: { values },
		encoding: { y },
		layer: [
			{
				mark: { type: "bar", color: "#2a9d8f", height: { band: 0.7 } },
				encoding: {
					x: {
						field: "ratio",
						type: "quantitative",
						scale: { type: "log", domain: [Math.min(0.8, ...ratios), 1.4 * Math.max(2, ...ratios)], nice: false },
						axis: { title: "ratio of the times", format: "~g", tickCount: 6 },
					},
					x2: { field: "base" },
				},
			},
			{
				mark: { type: "text", align: "left", dx: 5, color: "#222" },
				encoding: { x: { field: "ratio", type: "quantitative" }, text: { field: "label" } },
			},
		],
		config: chartStyle,
	});
}
