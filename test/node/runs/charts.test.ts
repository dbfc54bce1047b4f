import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type TrainingRow, vqvaeChart } from "../../../src/node/runs/charts.js";

const test = suite("chart");

function rows(count: number, loss: (step: number) => number): TrainingRow[] {
	return Array.from({ length: count }, (_, i) => {
		const step = i + 1;
		return {
			step,
			loss: loss(step),
			reconLoss: loss(step) * 0.75,
			commitmentLoss: loss(step) * 0.25,
			perplexity: 1 + i,
		};
	});
}

/** The points of each drawn line, from the paths of its line marks. */
function lines(svg: string): [x: number, y: number][][] {
	const paths = [
		...svg.matchAll(/<path aria-label="[^"]*" role="graphics-symbol" aria-roledescription="line mark" d="([^"]+)"/g),
	];
	return paths.map(([, path]) =>
		[...path.matchAll(/[ML]([-\d.]+),([-\d.]+)/g)].map(([, x, y]): [number, number] => [Number(x), Number(y)]),
	);
}

test("draws three losses and the perplexity, with title and names", async () => {
	const svg = await vqvaeChart(
		rows(50, (step) => 2 / step),
		"Digits & <tests>",
	);
	assert.match(svg, /^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
	assert.match(svg, /<\/svg>$/);
	for (const text of [
		"Digits &amp; &lt;tests&gt;",
		"total",
		"reconstruction",
		"commitment",
		"perplexity",
		"step",
		"loss",
	]) {
		assert.match(svg, `>${text}<`);
	}
	assert.equal(
		lines(svg).map((line) => line.length),
		[50, 50, 50, 50],
	);
	assert.not.match(svg, /NaN|undefined|Infinity/);
});

test("the error on the test images is a line of its own, with its name", async () => {
	const losses = rows(40, (step) => 1 + 1 / step);
	const tests = [10, 20, 30, 40].map((step) => ({ step, nmse: 1 + 2 / step }));
	const svg = await vqvaeChart(losses, "run", tests);
	assert.match(svg, ">test NMSE<");
	const drawn = lines(svg);
	assert.equal(
		drawn.map((line) => line.length).sort((a, b) => a - b),
		[4, 40, 40, 40, 40],
	);
	const errors = drawn.find((line) => line.length === 4) as [x: number, y: number][];
	const [total] = drawn as [[x: number, y: number][]];
	// On the same scale as the losses: at step 20 it is 1.1, which the total loss is at step 10.
	assert.ok(Math.abs((errors[1]?.[1] as number) - (total[9]?.[1] as number)) < 0.01);
	assert.ok(Math.abs((errors[1]?.[0] as number) - (total[19]?.[0] as number)) < 0.01);
	assert.not.match(await vqvaeChart(losses, "run"), "test NMSE");
});

test("falling losses fall, growing perplexity grows", async () => {
	const [total, , , perplexity] = lines(
		await vqvaeChart(
			rows(40, (step) => 1 + 1 / step),
			"run",
		),
	);
	assert.ok(total.every(([x, y], i) => i === 0 || (x > total[i - 1][0] && y > total[i - 1][1])));
	assert.ok(perplexity.every(([x, y], i) => i === 0 || (x > perplexity[i - 1][0] && y < perplexity[i - 1][1])));
});

test("the scale is logarithmic when the losses span more than a factor of 20, and only then", async () => {
	/** How far the total loss falls on the way to half the steps, as a share of its whole fall. */
	const fallAtHalf = async (loss: (step: number) => number): Promise<number> => {
		const [total] = lines(await vqvaeChart(rows(101, loss), "run"));
		return (total[50][1] - total[0][1]) / (total[100][1] - total[0][1]);
	};
	// An exponential fall is a straight line on a logarithmic scale.
	assert.ok(Math.abs((await fallAtHalf((step) => 10 * 0.93 ** step)) - 0.5) < 0.01);
	// A small linear fall is one on a linear scale.
	assert.ok(Math.abs((await fallAtHalf((step) => 2 - step / 200)) - 0.5) < 0.01);
	// A loss of 0 has no logarithm.
	assert.ok(Math.abs((await fallAtHalf((step) => (101 - step) / 100)) - 0.5) < 0.01);
});

test("averages thousands of rows", async () => {
	const drawn = lines(
		await vqvaeChart(
			rows(4320, (step) => 1 + (step % 2)),
			"run",
		),
	);
	for (const line of drawn) assert.ok(line.length > 400 && line.length <= 500, `${line.length} points`);
	// Odd runs of alternating 1 and 2 average close to 1.5: a nearly level line, although the rows themselves jump.
	const heights = drawn[0].map(([, y]) => y);
	assert.ok(Math.max(...heights) - Math.min(...heights) < 40);
	assert.equal(
		lines(
			await vqvaeChart(
				rows(1000, () => 1),
				"run",
			),
		)[0].length,
		1000,
	);
});

test("a value that is not finite leaves a gap", async () => {
	const input = rows(20, () => 1).map((row, i) => (i === 10 ? { ...row, loss: Number.NaN } : row));
	const svg = await vqvaeChart(input, "run");
	assert.equal(
		lines(svg).map((line) => line.length),
		[19, 20, 20, 20],
	);
	assert.not.match(svg, /NaN/);
});

test("a single row is marked by dots, and no rows give an empty chart", async () => {
	const dots = (svg: string): number => svg.match(/aria-roledescription="point"/g)?.length ?? 0;
	assert.is(
		dots(
			await vqvaeChart(
				rows(1, () => 1),
				"run",
			),
		),
		4,
	);
	assert.is(
		dots(
			await vqvaeChart(
				rows(200, () => 1),
				"run",
			),
		),
		0,
	);
	assert.match(await vqvaeChart([], "nothing yet"), /nothing yet/);
});

test.run();
