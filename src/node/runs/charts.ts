import { Error as ErrorLevel, logger, parse, View } from "vega";
import { type Config, compile, type TopLevelSpec } from "vega-lite";

/** One row of a training run's log. */
export interface TrainingRow {
	/** Optimiser steps taken so far. */
	readonly step: number;
	readonly loss: number;
	readonly reconLoss: number;
	readonly commitmentLoss: number;
	/** How many codes the batch used, as exp of the entropy of their frequencies. */
	readonly perplexity: number;
}

/** The error on the test images after a step, as `reconLoss`: mean squared error over the training images' variance. */
export interface TestError {
	readonly step: number;
	readonly nmse: number;
}

/** Nats per code after a step. */
export interface PriorPoint {
	readonly step: number;
	readonly nats: number;
}

/** A line of a chart. */
interface Line {
	readonly name: string;
	readonly colour: string;
	readonly points: readonly Point[];
	/** Whether each point has a dot, however many there are. */
	readonly dotted?: boolean;
}

interface Point {
	readonly step: number;
	readonly value: number;
}

interface Panel {
	/** Of the vertical axis. */
	readonly title: string;
	readonly height: number;
	readonly lines: readonly Line[];
	/** Linear from 0, or logarithmic if the values are positive and span more than a factor of 20; or as the values are. */
	readonly scale: "from zero" | "logarithmic" | "tight";
}

/** More points than these only darken the chart, so runs of them are averaged, down to this many. */
const mostPoints = 1000;
const averagedPoints = 500;
/** Up to so many points are marked by dots: a single one would be no line. */
const mostDotted = 30;
const width = 720;

/** The style of all charts. */
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

/**
 * Draws the training of a VQ-VAE as an SVG: the losses with the error on the test images above, the perplexity of the
 * codebook below. Values that are not finite leave a gap. More than 1000 rows are averaged in runs of equal length.
 */
export function vqvaeChart(
	rows: readonly TrainingRow[],
	title: string,
	tests: readonly TestError[] = [],
	heldOut = "test",
): Promise<string> {
	const line = (key: keyof TrainingRow, name: string, colour: string): Line => ({
		name,
		colour,
		points: averaged(rows.map((row) => ({ step: row.step, value: row[key] }))),
	});
	const errors = tests.map(({ step, nmse }) => ({ step, value: nmse }));
	return lineChart(title, [
		{
			title: "loss",
			height: 260,
			scale: "logarithmic",
			lines: [
				line("loss", "total", "#1f3a5f"),
				line("reconLoss", "reconstruction", "#2a9d8f"),
				line("commitmentLoss", "commitment", "#e07a3f"),
				...(errors.length > 0 ? [{ name: `${heldOut} NMSE`, colour: "#c1121f", points: errors, dotted: true }] : []),
			],
		},
		{
			title: "perplexity",
			height: 120,
			scale: "from zero",
			lines: [line("perplexity", "perplexity", "#7b5ea7")],
		},
	]);
}

/** Draws the training of a prior as an SVG: nats per code over the steps, of training batches and of the test set. */
export function priorChart(
	training: readonly PriorPoint[],
	tests: readonly PriorPoint[],
	title: string,
): Promise<string> {
	const points = (rows: readonly PriorPoint[]) => rows.map(({ step, nats }) => ({ step, value: nats }));
	return lineChart(title, [
		{
			title: "nats per code",
			height: 300,
			scale: "tight",
			lines: [
				{ name: "training", colour: "#2a9d8f", points: averaged(points(training)) },
				{ name: "test", colour: "#1f3a5f", points: points(tests), dotted: true },
			],
		},
	]);
}

function lineChart(title: string, panels: readonly Panel[]): Promise<string> {
	return renderChart({
		$schema: "https://vega.github.io/schema/vega-lite/v6.json",
		background: "white",
		padding: 16,
		title: { text: title, anchor: "start", fontSize: 16, fontWeight: 600, color: "#222", offset: 14 },
		spacing: 18,
		vconcat: panels.map((panel, i) => panelSpec(panel, i === panels.length - 1)),
		config: chartStyle,
	});
}

function panelSpec({ title, height, lines, scale }: Panel, isLowest: boolean) {
	const [first] = lines;
	const steps = first?.points.map(({ step }) => step) ?? [];
	// A run that goes on from a checkpoint starts at its own first step; any other at 0.
	const fromZero = steps.length === 1 || (steps.length > 0 && steps[0] < steps[steps.length - 1] / 4);
	const isLogarithmic = scale === "logarithmic" && spansDecades(lines);
	return {
		width,
		height,
		encoding: {
			x: {
				field: "step",
				type: "quantitative",
				axis: { title: isLowest ? "step" : null, tickMinStep: 1, tickCount: 10 },
				scale: { nice: false, zero: fromZero },
			},
			y: {
				field: "value",
				type: "quantitative",
				axis: { title, ...(height < 200 ? { tickCount: 4 } : {}) },
				scale: isLogarithmic ? ({ type: "log", nice: false, padding: 5 } as const) : { zero: scale !== "tight" },
			},
			...(lines.length === 1 ? {} : { color: legendOf(lines) }),
		},
		layer: lines.map(({ name, colour, points, dotted = points.length <= mostDotted }) => {
			const own = lines.length === 1 ? { color: colour } : {};
			const point = dotted && (lines.length === 1 ? own : true);
			return {
				data: { values: points.map((point) => ({ ...point, name })) },
				mark: { type: "line", strokeWidth: 1.8, strokeJoin: "round", point, ...own } as const,
			};
		}),
	} as const;
}

/** Gives each line its colour, and says so above. */
function legendOf(lines: readonly Line[]) {
	return {
		field: "name",
		type: "nominal",
		scale: { domain: lines.map(({ name }) => name), range: lines.map(({ colour }) => colour) },
		legend: { title: null, orient: "top", symbolType: "stroke", symbolStrokeWidth: 3, offset: 8 },
	} as const;
}

/** Means of runs of points, each put at its run's last step, if there are too many. */
function averaged(points: readonly Point[]): readonly Point[] {
	if (points.length <= mostPoints) return points;
	const length = Math.ceil(points.length / averagedPoints);
	return Array.from({ length: Math.ceil(points.length / length) }, (_, i) => {
		const run = points.slice(i * length, (i + 1) * length);
		const value = run.reduce((sum, point) => sum + point.value, 0) / run.length;
		return { step: run[run.length - 1].step, value };
	});
}

function spansDecades(lines: readonly Line[]): boolean {
	const values = lines.flatMap(({ points }) => points.map(({ value }) => value)).filter(Number.isFinite);
	const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
	const most = values.reduce((a, b) => Math.max(a, b), 0);
	return least > 0 && most > 20 * least;
}
