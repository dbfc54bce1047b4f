import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArgumentError } from "../../src/base/errors.js";
import { generateDigits } from "../../src/data/digits.js";
import { type ImageSet, imageVariance } from "../../src/data/image_set.js";

const test = suite("digits");

const thousand = generateDigits(1000, 3);

function image(set: ImageSet, i: number): Uint8Array {
	const size = set.height * set.width;
	return set.pixels.subarray(i * size, (i + 1) * size);
}

/** Sum of the grey values, and their centre of mass in pixels. */
function mass(set: ImageSet, i: number): { total: number; x: number; y: number } {
	let [total, x, y] = [0, 0, 0];
	image(set, i).forEach((grey, p) => {
		total += grey;
		x += grey * ((p % set.width) + 0.5);
		y += grey * (Math.floor(p / set.width) + 0.5);
	});
	return { total, x: x / total, y: y / total };
}

test("has the form of MNIST", () => {
	assert.equal([thousand.count, thousand.channels, thousand.height, thousand.width], [1000, 1, 28, 28]);
	assert.is(thousand.pixels.length, 1000 * 28 * 28);
	assert.is(thousand.labels?.length, 1000);
	assert.is(generateDigits(0, 1).pixels.length, 0);
});

test("the same seed gives the same bytes, another seed others", () => {
	const again = generateDigits(1000, 3);
	assert.equal(again.pixels, thousand.pixels);
	assert.equal(again.labels, thousand.labels);
	for (const seed of [2, 4, -3]) assert.not.equal(generateDigits(10, seed).pixels, thousand.pixels.subarray(0, 7840));
});

test("a longer set starts with the shorter one", () => {
	for (const count of [1, 9, 10, 25]) {
		const shorter = generateDigits(count, 3);
		assert.equal(shorter.pixels, thousand.pixels.subarray(0, count * 784));
		assert.equal(shorter.labels, thousand.labels?.subarray(0, count));
	}
});

test("each ten images show each digit once, in differing orders", () => {
	const orders = new Set<string>();
	for (let start = 0; start < 1000; start += 10) {
		const labels = [...(thousand.labels?.subarray(start, start + 10) ?? [])];
		orders.add(labels.join());
		assert.equal(labels.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	}
	assert.ok(orders.size > 95, `${orders.size} orders`);
});

test("has MNIST's grey values: mean 0.131, standard deviation 0.308, soft edges", () => {
	const mean = thousand.pixels.reduce((sum, grey) => sum + grey, 0) / thousand.pixels.length / 255;
	assert.ok(Math.abs(mean - 0.131) < 0.01, `mean ${mean}`);
	const deviation = Math.sqrt(imageVariance(thousand));
	assert.ok(Math.abs(deviation - 0.308) < 0.015, `standard deviation ${deviation}`);
	const edges = thousand.pixels.filter((grey) => grey > 0 && grey < 250).length / thousand.pixels.length;
	assert.ok(edges > 0.08 && edges < 0.17, `share of grey pixels ${edges}`);
});

test("each digit has ink, is centred by mass, and stays clear of the frame", () => {
	for (let i = 0; i < thousand.count; i++) {
		const { total, x, y } = mass(thousand, i);
		assert.ok(total > 255 * 15, `image ${i}: ink ${total}`);
		assert.ok(Math.hypot(x - 14, y - 14) < 3, `image ${i}: centre ${x}, ${y}`);
		assert.ok(Math.max(...image(thousand, i)) > 200, `image ${i} is faint`);
	}
	const rim = (p: number): boolean => p % 28 === 0 || p % 28 === 27 || p < 28 || p >= 28 * 27;
	const touching = Array.from({ length: 1000 }, (_, i) => image(thousand, i).some((grey, p) => grey > 0 && rim(p)));
	assert.ok(touching.filter(Boolean).length < 25, `${touching.filter(Boolean).length} images touch the frame`);
});

test("no two images are the same, and those of a class are more alike than others", () => {
	assert.is(new Set(Array.from({ length: 1000 }, (_, i) => image(thousand, i).join())).size, 1000);
	// The classes can be told apart: the nearest class mean of 800 images names most of the other 200.
	const means = Array.from({ length: 10 }, () => new Float64Array(784));
	const label = (i: number): number => thousand.labels?.[i] ?? -1;
	for (let i = 0; i < 800; i++) {
		const mean = means[label(i)];
		image(thousand, i).forEach((grey, p) => {
			mean[p] += grey / 80;
		});
	}
	let right = 0;
	for (let i = 800; i < 1000; i++) {
		const distances = means.map((mean) => image(thousand, i).reduce((sum, grey, p) => sum + (grey - mean[p]) ** 2, 0));
		if (distances.indexOf(Math.min(...distances)) === label(i)) right++;
	}
	assert.ok(right > 120 && right < 200, `${right} of 200 by the nearest class mean`);
});

test("draws other sizes", () => {
	for (const size of [8, 32, 64]) {
		const set = generateDigits(20, 1, { size });
		assert.equal([set.height, set.width, set.pixels.length], [size, size, 20 * size * size]);
		for (let i = 0; i < 20; i++) {
			const { x, y } = mass(set, i);
			assert.ok(Math.hypot(x - size / 2, y - size / 2) < size / 9, `size ${size}, image ${i}: centre ${x}, ${y}`);
		}
	}
});

test("refuses counts and sizes that make no sense", () => {
	for (const count of [-1, 1.5, Number.NaN]) assert.throws(() => generateDigits(count, 1), /count/);
	for (const size of [7, 28.5]) {
		assert.throws(
			() => generateDigits(1, 1, { size }),
			(error: Error) => error instanceof ArgumentError && /size/.test(error.message),
		);
	}
});

test.run();
