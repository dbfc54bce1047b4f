import { CommanderError } from "commander";
import { ArgumentError, relu, scale } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compareIndices } from "../../../bench/argmin/compare_indices.js";
import { directions, layers, multiplyAdds } from "../../../bench/conv/layers.js";
import { bytes, digits, percent, range, spread, table } from "../../../bench/harness/format.js";
import { type BenchmarkOptions, benchmarkCommand } from "../../../bench/harness/options.js";
import { byKernel, stagesOf } from "../../../bench/harness/ours.js";
import { permuted, relativeDifference } from "../../../bench/harness/permute.js";
import { ceilingAround, roofline } from "../../../bench/harness/roofline.js";
import { programOf } from "../../../src/node/cli/program.js";
import { device } from "../../support.js";

const test = suite("benchmark harness");

/** What a benchmark is given by these words of its command line. */
async function optionsOf(words: readonly string[], sized = false): Promise<BenchmarkOptions | undefined> {
	let given: BenchmarkOptions | undefined;
	const command = benchmarkCommand("bench:argmin", "", { sized }, (options) => {
		given = options;
	});
	await programOf(command).parseAsync(words, { from: "user" });
	return given;
}

test("options and their defaults", async () => {
	const defaults = await optionsOf([]);
	assert.equal(defaults, {
		out: undefined,
		compare: undefined,
		rounds: 7,
		budget: 5,
		only: undefined,
		adapter: undefined,
		tfjs: true,
		variant: undefined,
		size: undefined,
		list: false,
	});
	const given =
		"--out o.json --compare c.json --rounds 3 --budget 0.5 --only enc1 --adapter lavapipe --no-tfjs --variant portable --size 6272x128x16,10x2x3 --list".split(
			" ",
		);
	assert.equal(await optionsOf(given, true), {
		out: "o.json",
		compare: "c.json",
		rounds: 3,
		budget: 0.5,
		only: "enc1",
		adapter: "lavapipe",
		tfjs: false,
		variant: "portable",
		size: [
			[6272, 128, 16],
			[10, 2, 3],
		],
		list: true,
	});
	// A row's name may look like a number.
	assert.is((await optionsOf(["--only", "6272"]))?.only, "6272");
});

test("options that are wrong are refused", async () => {
	const isRefused = async (words: readonly string[], sized = false) => {
		const error = await optionsOf(words, sized).catch((error: Error) => error);
		assert.ok(error instanceof ArgumentError || error instanceof CommanderError, words.join(" "));
	};
	for (const wrong of [["--rounds", "1"], ["--budget", "x"], ["--adapter", "cuda"], ["--what"], ["enc1"]])
		await isRefused(wrong);
	for (const size of ["6272x128", "1x2x0", "1x2x3x4", "axbxc", "1x2x3,", "1x2x1e3"])
		await isRefused(["--size", size], true);
	await isRefused(["--size", "1x2x3"]);
	await isRefused(["--variant", "fast"]);
});

test("numbers have three digits that count", () => {
	assert.equal(
		[0.012345, 0.5, 1.234, 12.34, 123.4, 12345, 0].map((x) => digits(x)),
		["0.0123", "0.500", "1.23", "12.3", "123", "12345", "0"],
	);
	assert.is(digits(null), "–");
	assert.is(digits(2, "×"), "2.00×");
	assert.is(percent(0.1234), "12.3 %");
	assert.is(spread(10, [9, 12]), "10.0 ± 1.50");
	assert.is(bytes(1536), "1.50 KB");
	assert.is(bytes(0), "0 B");
	assert.is(bytes(3 * 2 ** 40), "3072 GB");
});

test("a table in Markdown, with aligned columns", () => {
	const lines = table<[string, number]>(
		[
			["", ([name]) => name],
			["ms", ([, ms]) => digits(ms)],
		],
		[
			["enc1/forward", 12],
			["x", 3],
		],
	).split("\n");
	assert.equal(lines, [
		"|              |   ms |",
		"| :----------- | ---: |",
		"| enc1/forward | 12.0 |",
		"| x            | 3.00 |",
	]);
});

test("a row has the roofline of what was measured before and after it", () => {
	const ceiling = ceilingAround({ gflops: 30, bandwidth: 6 }, { gflops: 50, bandwidth: 4 });
	const near = (share: number | null, expected: number) =>
		assert.ok(Math.abs((share ?? -1) - expected) < 1e-12, `${share}`);
	const search = roofline({ gflops: 10, operations: 1600, bytes: 100 }, ceiling);
	assert.equal(search.ceiling_gflops, [30, 50]);
	assert.is(search.intensity, 16);
	assert.is(search.bound, "compute");
	near(search.ceiling_share, 10 / 40);
	near(search.bandwidth_share, 10 / 16 / 5);
	const copy = roofline({ gflops: 2, operations: 50, bytes: 100 }, ceiling);
	assert.is(copy.bound, "memory");
	near(copy.bandwidth_share, 0.8);
	// A permutation has no operations.
	const permutation = roofline({ gflops: 0, operations: 0, bytes: 100, gbs: 4 }, ceiling);
	assert.is(permutation.intensity, 0);
	assert.is(permutation.bound, "memory");
	near(permutation.bandwidth_share, 0.8);
	assert.is(roofline({ gflops: 0, operations: 0, bytes: 100 }, ceiling).bandwidth_share, null);
	assert.equal(roofline({ gflops: null }, ceiling), {
		...ceiling,
		ceiling_share: null,
		bandwidth_share: null,
		intensity: null,
		bound: null,
	});
	assert.is(range([1.234, 5, 2]), "1.23–5.00");
	assert.is(range([7, 7]), "7.00");
});

test("each launch of an operation is timed, and its buffers are freed", async () => {
	const gpu = await device();
	using x = gpu.tensor(new Float32Array(64), [64]);
	const operation = () => relu(scale(x, 2));
	gpu.scope(operation).dispose();
	const before = gpu.memory();
	const stages = await stagesOf(gpu, operation, { rounds: 2, budget: 1 });
	assert.equal(
		stages.map(({ kernel }) => kernel),
		["scale.wgsl", "relu.wgsl"],
	);
	for (const { ms } of stages) assert.ok(ms > 0);
	assert.equal(gpu.memory().buffers, before.buffers);
});

test("launches are added up by kernel", () => {
	const stages = Array.from({ length: 129 }, (_, i) => ({
		kernel: i === 0 ? "prepare" : i % 2 ? "block" : "search",
		ms: i % 2 ? 1 : 2,
	}));
	assert.equal(byKernel(stages), [
		{ kernel: "search", launches: 64, ms: 128 },
		{ kernel: "block", launches: 64, ms: 64 },
		{ kernel: "prepare", launches: 1, ms: 2 },
	]);
});

test("axes are permuted as numpy does it", () => {
	const x = Float32Array.from({ length: 24 }, (_, i) => i);
	// numpy: arange(24).reshape(2, 3, 4).transpose(2, 0, 1).ravel()[:8]
	assert.equal([...permuted(x, [2, 3, 4], [2, 0, 1]).subarray(0, 8)], [0, 4, 8, 12, 16, 20, 1, 5]);
	assert.equal(permuted(permuted(x, [2, 3, 4], [2, 0, 1]), [4, 2, 3], [1, 2, 0]), x);
});

test("a difference is relative to the largest value, and NaN is none that will do", () => {
	assert.is(relativeDifference([1, 2.5], [1, 2]), 0.25);
	assert.is(relativeDifference([1, Number.NaN], [1, 2]), Number.POSITIVE_INFINITY);
	assert.is(relativeDifference([1], [1, 2]), Number.POSITIVE_INFINITY);
});

test("indices that differ are ties or wrong on one side", () => {
	const problem = {
		z: Float32Array.of(0, 0, 1, 1, 5, 5),
		codebook: Float32Array.of(1, 0, 0, 1, 5, 5, 1 + 2 ** -23, 0),
		dimensions: 2,
	};
	const none = { ties: 0, firstWrong: 0, secondWrong: 0, largestTie: 0 };
	assert.equal(compareIndices([0, 0, 2], [0, 0, 2], problem), none);
	assert.equal(compareIndices([0, 0, 2], [1, 1, 2], problem), { ...none, ties: 2 });
	const { largestTie, ...counts } = compareIndices([0, 0, 2], [3, 0, 2], problem);
	assert.equal(counts, { ties: 1, firstWrong: 0, secondWrong: 0 });
	assert.ok(largestTie > 0 && largestTie < 1e-6);
	assert.equal(compareIndices([2, 0, 2], [0, 0, 0], problem), { ...none, firstWrong: 1, secondWrong: 1 });
	// An index that there is no code for.
	assert.equal(compareIndices([9, 0, 2], [0, 0, 9], problem), { ...none, firstWrong: 1, secondWrong: 1 });
});

test("the layers are those of the reference network, and two larger ones", () => {
	const all = layers(true);
	assert.is(directions.length * all.length, 24);
	// The forward pass at 28 × 28 takes 5.30 million multiply-adds an image.
	const ofNetwork = all.slice(0, 6).reduce((sum, layer) => sum + multiplyAdds(layer) / layer.batch, 0);
	assert.is(Math.round(ofNetwork / 1e4), 530);
});

test.run();
