import { defineBenchmark } from "../harness/benchmark.js";
import { bytes, digits, table } from "../harness/format.js";
import { measureFirstStep } from "./measure_first_step.js";
import { measureStep, type TrainRow } from "./measure_step.js";
import { batchSize } from "./problem.js";

function details(row: TrainRow): string {
	const { images_per_second, host_ms, dispatches, submits, pipelines_made, bind_groups_made, kernels = [] } = row;
	const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
	const facts = [
		["images a second", digits(images_per_second)],
		["host time a step", digits(host_ms, " ms")],
		["dispatches, submits a step", `${dispatches}, ${submits}`],
		["pipelines, bind groups made in a step", `${pipelines_made}, ${bind_groups_made}`],
		[
			"alive between steps",
			`${row.buffers} buffers, ${bytes(row.bytes)} (and ${bytes(row.pooled_bytes)} free for the next)`,
		],
		["tfjs naive, matmul", `${digits(row.tfjs_naive_ms)}, ${digits(row.tfjs_matmul_ms)} ms`],
		["losses", (row.losses ?? []).map((loss) => loss.toFixed(6)).join(", ")],
		...Object.entries({ ...row.tfjs_losses, ...(row.jax_losses && { "jax-js": row.jax_losses }) }).map(
			([name, losses]) => [`losses of ${name}`, losses.map((loss) => loss.toFixed(6)).join(", ")],
		),
	];
	const columns = [
		["kernel", ({ kernel }) => kernel],
		["launches", ({ launches }) => `${launches}`],
		["GPU ms", ({ ms }) => digits(ms)],
		["share", ({ ms }) => `${digits((100 * ms) / total)} %`],
	] satisfies Parameters<typeof table<(typeof kernels)[number]>>[0];
	return [...facts.map(([name = "", value]) => `${name.padEnd(38)}${value}`), "", table(columns, kernels)].join("\n");
}

export const train = defineBenchmark<TrainRow>({
	name: "train",
	description:
		"A training step of the reference network at batch 128, and the first step of a process, against tfjs and jax-js",
	tasks: () => [
		{ name: `step-${batchSize}`, measure: measureStep },
		{ name: "first-step/cold", measure: (bench) => measureFirstStep(bench, "cold") },
		{ name: "first-step/warm", measure: (bench) => measureFirstStep(bench, "warm") },
	],
	columns: [],
	footer: (rows) =>
		rows
			.filter(({ kernels }) => kernels !== undefined)
			.map((row) => `\n${details(row)}`)
			.join("\n"),
});
