import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArgumentError, FormatError } from "../../src/base/errors.js";
import { Random } from "../../src/base/random.js";
import { batches, type ImageSet, imageSetFromIdx, imageVariance, select, subset } from "../../src/data/image_set.js";

const test = suite("image set");

/** Three images of 2 × 1 × 2 values. */
const three: ImageSet = {
	name: "three",
	count: 3,
	channels: 2,
	height: 1,
	width: 2,
	pixels: Uint8Array.from({ length: 12 }, (_, i) => i * 10),
	labels: Uint8Array.of(7, 8, 9),
};

function idx(shape: readonly number[], values: readonly number[]): Uint8Array<ArrayBuffer> {
	return Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, size >> 8, size & 255]), ...values]);
}

function isArgumentError(pattern: RegExp): (error: Error) => boolean {
	return (error) => error instanceof ArgumentError && pattern.test(error.message);
}

test("variance is the unbiased one, on the scale 0 … 1", () => {
	const pixels = Uint8Array.of(0, 255, 51, 102);
	// Values 0, 1, 0.2, 0.4: mean 0.4, squares 0.16 + 0.36 + 0.04 + 0.
	assert.ok(Math.abs(imageVariance({ ...three, count: 1, pixels }) - 0.56 / 3) < 1e-15);
	assert.is(imageVariance({ ...three, pixels: new Uint8Array(12).fill(77) }), 0);
});

test("variance keeps its precision over many values", () => {
	const random = new Random(5);
	const pixels = Uint8Array.from({ length: 300_000 }, () => 250 + random.integer(3));
	let mean = 0;
	let squares = 0;
	// Welford's recurrence, which does not need the mean beforehand.
	pixels.forEach((value, i) => {
		const step = value / 255 - mean;
		mean += step / (i + 1);
		squares += step * (value / 255 - mean);
	});
	const expected = squares / (pixels.length - 1);
	assert.ok(Math.abs(imageVariance({ ...three, pixels }) / expected - 1) < 1e-9);
});

test("variance of fewer than two values is refused", () => {
	assert.throws(() => imageVariance({ ...three, pixels: Uint8Array.of(1) }), isArgumentError(/two values/));
});

test("subset takes images and labels, sharing their memory", () => {
	const last = subset(three, 1, 3);
	assert.equal([last.count, last.channels, last.height, last.width], [2, 2, 1, 2]);
	assert.equal([...last.pixels], [40, 50, 60, 70, 80, 90, 100, 110]);
	assert.equal([...(last.labels ?? [])], [8, 9]);
	assert.is(last.pixels.buffer, three.pixels.buffer);
	assert.is(subset(three, 2, 2).count, 0);
	const { labels: _, ...unlabelled } = three;
	assert.not.ok("labels" in subset(unlabelled, 0, 1));
});

test("subset refuses what is not a range of the set", () => {
	for (const [start, end] of [
		[-1, 2],
		[2, 1],
		[0, 4],
		[0.5, 2],
		[0, Number.NaN],
	]) {
		assert.throws(() => subset(three, start, end), isArgumentError(/^subset: (start|end) must be a whole number/));
	}
});

test("select copies images in the order asked for", () => {
	const chosen = select(three, [2, 0, 2]);
	assert.is(chosen.count, 3);
	assert.equal([...chosen.pixels], [80, 90, 100, 110, 0, 10, 20, 30, 80, 90, 100, 110]);
	assert.equal([...(chosen.labels ?? [])], [9, 7, 9]);
	const { labels: _, ...unlabelled } = three;
	assert.not.ok("labels" in select(unlabelled, [0]));
	for (const index of [-1, 3, 0.5]) assert.throws(() => select(three, [index]), isArgumentError(/no image/));
});

test("reads images and labels from IDX, raw and packed", async () => {
	const images = idx([2, 1, 3], [1, 2, 3, 4, 5, 6]);
	const labels = idx([2], [4, 9]);
	const packed = new Blob([images]).stream().pipeThrough(new CompressionStream("gzip"));
	const packedImages = new Uint8Array(await new Response(packed).arrayBuffer());
	for (const input of [images, packedImages]) {
		const set = await imageSetFromIdx("tiny", input, labels);
		assert.equal([set.name, set.count, set.channels, set.height, set.width], ["tiny", 2, 1, 1, 3]);
		assert.equal([...set.pixels], [1, 2, 3, 4, 5, 6]);
		assert.equal([...(set.labels ?? [])], [4, 9]);
	}
	assert.not.ok("labels" in (await imageSetFromIdx("tiny", images)));
});

test("refuses IDX files that do not fit each other", async () => {
	const images = idx([2, 1, 1], [1, 2]);
	const refusals: [Uint8Array, Uint8Array, RegExp][] = [
		[images, idx([3], [1, 2, 3]), /tiny: 2 images, but 3 labels/],
		[images, idx([2, 1], [1, 2]), /tiny: the labels' shape is \[2, 1\]/],
		[idx([2], [1, 2]), idx([2], [1, 2]), /tiny: the images' shape is \[2\]/],
		[images, images, /tiny: the labels' shape/],
		[images.subarray(0, 17), idx([2], [1, 2]), /tiny images: truncated IDX/],
		[images, Uint8Array.of(1, 2, 3, 4), /tiny labels: not an IDX file/],
	];
	for (const [first, second, pattern] of refusals) {
		const error = await imageSetFromIdx("tiny", first, second).catch((reason: unknown) => reason);
		assert.instance(error, FormatError);
		assert.match(String(error), pattern);
	}
});

test("batches go through all indices in order", () => {
	assert.equal(
		[...batches(7, 3)].map((batch) => [...batch]),
		[[0, 1, 2], [3, 4, 5], [6]],
	);
	assert.equal(
		[...batches(7, 3, undefined, { dropLast: true })].map((batch) => [...batch]),
		[
			[0, 1, 2],
			[3, 4, 5],
		],
	);
	assert.equal(
		[...batches(6, 3, undefined, { dropLast: true })].map((batch) => batch.length),
		[3, 3],
	);
	assert.equal([...batches(0, 3)], []);
	assert.equal([...batches(2, 3, undefined, { dropLast: true })], []);
});

test("batches shuffle by the random source, each index once", () => {
	const run = (seed: number): number[] => [...batches(100, 8, new Random(seed))].flatMap((batch) => [...batch]);
	const order = run(1);
	assert.equal(order, run(1));
	assert.not.equal(order, run(2));
	const sorted = order.toSorted((a, b) => a - b);
	assert.not.equal(order, sorted);
	assert.equal(sorted, [...Array(100).keys()]);
	// A second pass with the same generator is shuffled differently.
	const random = new Random(1);
	const first = [...batches(100, 100, random)][0];
	assert.not.equal([...first], [...[...batches(100, 100, random)][0]]);
});

test("batches refuse sizes that make no sense, before the first is asked for", () => {
	for (const size of [0, -1, 1.5, Number.NaN])
		assert.throws(() => batches(5, size), isArgumentError(/^batches: batchSize/));
	assert.throws(() => batches(-1, 5), isArgumentError(/count/));
});

test.run();
