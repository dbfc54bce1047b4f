import { Error as ErrorLevel, logger, parse, View } from "vega";
import { type Config, compile, type TopLevelSpec } from "vega-lite";

/** How this project's charts look. */
export const chartStyle: Config = {
	font: "Helvetica, Arial, sans-serif",
	view: { stroke: null },
	axis: {
		labelColor: "#555",
		titleColor: "#333",
		titleFontWeight: "normal",
		labelFontSize: 11,
		titleFontSize: 12,
		gridColor: "#e8e8e8",
		domainColor: "#999",
		tickColor: "#999",
	},
	legend: { labelFontSize: 12, labelColor: "#333" },
};

/** Draws a chart as an SVG. Needs no browser and no canvas. */
export async function renderChart(spec: TopLevelSpec): Promise<string> {
	const view = new View(parse(compile(spec).spec), { renderer: "none", logger: logger(ErrorLevel) });
	try {
		return await view.toSVG();
	} finally {
		view.finalize();
	}
}
