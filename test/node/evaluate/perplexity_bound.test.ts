import { suite } from "uvu";
import * as assert from "uvu/assert";
import { patchCounts, perplexityBound } from "../../../evaluate/perplexity/bound.js";

const test = suite("the bound on perplexity");

function close(actual: number, expected: number): void {
	assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, expected ${expected}`);
}

test("patches that none outweighs can be shared out evenly", () => {
	close(perplexityBound(new Array(1000).fill(3), 10), 10);
	close(perplexityBound([5, 5], 2), 2);
	close(perplexityBound([7], 4), 1);
});

test("a patch with more than its share has a code of its own", () => {
	// Half of all is one patch; the rest is shared by the other three codes.
	close(perplexityBound([60, ...new Array(60).fill(1)], 4), Math.exp(Math.log(2) + 0.5 * Math.log(3)));
	// And within the rest again.
	const entropy = (p: number) => -p * Math.log(p);
	close(
		perplexityBound([50, 30, ...new Array(20).fill(1)], 4),
		Math.exp(entropy(0.5) + entropy(0.3) + 2 * entropy(0.1)),
	);
});

test("blank images have four kinds of patches, by the edges that they see", () => {
	const blank = { name: "blank", count: 2, channels: 1, height: 28, width: 28, pixels: new Uint8Array(2 * 784) };
	assert.equal(patchCounts(blank), [72, 12, 12, 2]);
	const dotted = { ...blank, pixels: blank.pixels.slice() };
	dotted.pixels[14 * 28 + 14] = 200;
	// Rows 4i − 3 … 4i + 3 with 14 among them: i = 3 and 4.
	assert.equal(patchCounts(dotted), [68, 12, 12, 2, 1, 1, 1, 1]);
});

test.run();
