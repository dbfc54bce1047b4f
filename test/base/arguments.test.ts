import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkNumber, checkOptions, checkWord, closestWord, formatValue } from "../../src/base/arguments.js";

const test = suite("checks of arguments");

test("values in messages: strings in quotes, long ones shortened", () => {
	assert.is(formatValue("0.1"), '"0.1"');
	assert.is(formatValue("x".repeat(99)).length, 60);
	assert.is(formatValue([1, "a", undefined]), '[1, "a", undefined]');
	assert.is(formatValue(new Array(99).fill(0)), "[0, 0, 0, 0, 0, 0, 0, 0, …]");
	assert.is(formatValue({ lr: 1 }), "{ lr }");
	assert.is(formatValue(new Map()), "Map");
	assert.is(formatValue(null), "null");
	assert.is(
		formatValue(() => 1),
		"the function without a name",
	);
	assert.is(formatValue(Object.create(null)), "{  }");
	assert.is(formatValue(new Float32Array(3)), "Float32Array(3)");
	assert.is(formatValue(Promise.resolve(1)), "Promise");
	assert.is(formatValue(12n), "12n");
	const itself: unknown[] = [];
	itself.push(itself, [1, ["deep"]]);
	assert.is(formatValue(itself), "[[[…], […]], [1, […]]]");
});

test("an unknown option is refused, with the known ones and the closest", () => {
	checkOptions("Adam", {}, ["lr", "betas"]);
	checkOptions("Adam", { lr: 1 }, ["lr", "betas"]);
	assert.throws(
		() => checkOptions("conv2d", { strides: 2 }, ["stride", "padding"]),
		/^conv2d: there is no option "strides"; did you mean "stride"\? Its options are stride, padding\.$/,
	);
	assert.throws(
		() => checkOptions("Adam", { momentum: 2 }, ["lr", "betas"]),
		/^Adam: there is no option "momentum"\. Its options are lr, betas\.$/,
	);
	for (const options of [3, "lr", null, [1], new Map(), () => 1])
		assert.throws(() => checkOptions("Adam", options, ["lr"]), /^Adam: options must be an object/);
});

test("the closest word is a misspelling, not any word", () => {
	assert.is(closestWord("epoch", ["epochs", "batch"]), "epochs");
	assert.is(closestWord("inChannel", ["inChannels", "dataVariance"]), "inChannels");
	assert.is(closestWord("momentum", ["lr", "eps"]), undefined);
});

test("numbers are finite and in range", () => {
	assert.is(checkNumber("f", "n", 3, { least: 3, most: 3, whole: true }), 3);
	assert.throws(
		() => checkNumber("Adam", "lr", "0.1", { least: 0 }),
		/^Adam: lr must be a finite number of at least 0, but is "0\.1"\.$/,
	);
	for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, null, "1", [1]])
		assert.throws(() => checkNumber("f", "n", value), /f: n must be a finite number, but is/);
	assert.throws(() => checkNumber("f", "n", 1.5, { whole: true }), /a whole number, but is 1\.5/);
	assert.throws(() => checkNumber("f", "n", 1, { above: 1 }), /above 1/);
	assert.throws(() => checkNumber("f", "n", 1, { least: 0, below: 1 }), /of at least 0 and below 1/);
	assert.throws(() => checkNumber("f", "n", 2, { most: 1 }), /at most 1/);
});

test("words are one of those allowed", () => {
	assert.is(checkWord("f", "mode", "a", ["a", "b"]), "a");
	assert.throws(() => checkWord("f", "mode", 1, ["a", "b"]), /^f: mode must be "a" or "b", but is 1\.$/);
});

test.run();
