import type { TopLevelSpec } from "vega-lite";
import { chartStyle, renderChart } from "./render_chart.js";

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

/** More rows than these only darken the chart, so runs of them are averaged, down to this many points. */
const MAX_ROWS = 1000;
const AVERAGED_POINTS = 500;
/** So few rows are marked by dots: a single one would be no line. */
const DOTTED_ROWS = 30;
const WIDTH = 720;
const LOSSES = [
	["loss", "total", "#1f3a5f"],
	["reconLoss", "reconstruction", "#2a9d8f"],
	["commitmentLoss", "commitment", "#e07a3f"],
] as const;
const TEST_ERROR = "test NMSE";
const TEST_COLOUR = "#c1121f";

/**
 * Draws a training run as an SVG: the losses over the steps above, on a logarithmic scale where they span more than a
 * factor of 20 (and are all positive), with the error on the test images, the perplexity of the codebook below. Values that are not finite leave a gap.
 * More than 1000 rows are averaged in runs of equal length. Needs no browser and no canvas.
 */
export async function trainingChart(
	rows: readonly TrainingRow[],
	title: string,
	tests: readonly TestError[] = [],
): Promise<string> {
	const points = thin(rows);
	const losses = points.flatMap((row) => LOSSES.map(([key, name]) => ({ step: row.step, name, value: row[key] })));
	const errors = tests.map(({ step, nmse }) => ({ step, name: TEST_ERROR, value: nmse }));
	const names = [...LOSSES.map(([, name]) => name), ...(errors.length > 0 ? [TEST_ERROR] : [])];
	const colours = [...LOSSES.map(([, , colour]) => colour), ...(errors.length > 0 ? [TEST_COLOUR] : [])];
	const line = { type: "line", strokeWidth: 1.8, strokeJoin: "round", point: points.length <= DOTTED_ROWS } as const;
	// A run that goes on from a checkpoint starts where it starts; any other at 0.
	const fromZero = points.length > 0 && points[0].step < points[points.length - 1].step / 4;
	const steps = { nice: false, zero: fromZero || points.length === 1 };
	const spec: TopLevelSpec = {
		$schema: "https://vega.github.io/schema/vega-lite/v6.json",
		background: "white",
		padding: 16,
		title: { text: title, anchor: "start", fontSize: 16, fontWeight: 600, color: "#222", offset: 14 },
		spacing: 18,
		vconcat: [
			{
				width: WIDTH,
				height: 260,
				encoding: {
					x: {
						field: "step",
						type: "quantitative",
						axis: { title: null, tickMinStep: 1, tickCount: 10 },
						scale: steps,
					},
					y: {
						field: "value",
						type: "quantitative",
						axis: { title: "loss" },
						scale: spansDecades([...losses, ...errors].map(({ value }) => value))
							? { type: "log", nice: false, padding: 5 }
							: { zero: true },
					},
					color: {
						field: "name",
						type: "nominal",
						scale: { domain: names, range: colours },
						legend: { title: null, orient: "top", symbolType: "stroke", symbolStrokeWidth: 3, offset: 8 },
					},
				},
				layer: [
					{ data: { values: losses }, mark: line },
					...(errors.length > 0 ? [{ data: { values: errors }, mark: { ...line, point: true } }] : []),
				],
			},
			{
				width: WIDTH,
				height: 120,
				data: { values: points.map(({ step, perplexity }) => ({ step, perplexity })) },
				mark: { ...line, color: "#7b5ea7", point: line.point && { color: "#7b5ea7" } },
				encoding: {
					x: {
						field: "step",
						type: "quantitative",
						axis: { title: "step", tickMinStep: 1, tickCount: 10 },
						scale: steps,
					},
					y: {
						field: "perplexity",
						type: "quantitative",
						axis: { title: "perplexity", tickCount: 4 },
						scale: { zero: true },
					},
				},
			},
		],
		config: chartStyle,
	};
	return renderChart(spec);
}

/** Averages runs of rows, each put at its run's last step, where there are too many. */
function thin(rows: readonly TrainingRow[]): readonly TrainingRow[] {
	if (rows.length <= MAX_ROWS) return rows;
	const length = Math.ceil(rows.length / AVERAGED_POINTS);
	const points: TrainingRow[] = [];
	for (let start = 0; start < rows.length; start += length) {
		const run = rows.slice(start, start + length);
		const mean = (key: keyof TrainingRow): number => run.reduce((sum, row) => sum + row[key], 0) / run.length;
		points.push({
			step: run[run.length - 1].step,
			loss: mean("loss"),
			reconLoss: mean("reconLoss"),
			commitmentLoss: mean("commitmentLoss"),
			perplexity: mean("perplexity"),
		});
	}
	return points;
}

function spansDecades(values: readonly number[]): boolean {
	const finite = values.filter(Number.isFinite);
	const least = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
	const most = finite.reduce((a, b) => Math.max(a, b), 0);
	return least > 0 && most > 20 * least;
}
