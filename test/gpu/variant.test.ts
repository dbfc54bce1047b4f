import { type AdapterDescription, MissingFeatureError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { variantNames, variantsFor } from "../../src/gpu/variant.js";
import { assertThrows } from "../support.js";

const test = suite("the variants for an adapter");

const adapter = (software: boolean, subgroupMinSize: number, subgroupMaxSize: number): AdapterDescription => ({
	vendor: "",
	architecture: "",
	device: "",
	description: "",
	software,
	subgroupMinSize,
	subgroupMaxSize,
});

test("an adapter that computes on the CPU with subgroups of one size prefers the blocked one", () => {
	for (const tunes of [false, true])
		assert.equal(variantsFor(adapter(true, 8, 8), undefined, tunes), ["blocked", "portable"]);
});

test("a GPU has the tiled one, and times the others only if it tunes", () => {
	assert.equal(variantsFor(adapter(false, 32, 32), undefined, false), ["tiled"]);
	assert.equal(variantsFor(adapter(false, 32, 32), undefined, true), ["tiled", "portable", "blocked"]);
});

for (const [what, least, most] of [
	["none", 0, 0],
	["of several sizes", 4, 32],
	["too small", 2, 2],
] as const)
	test(`without subgroups of one size (${what}) there is no blocked one`, () => {
		for (const software of [false, true]) {
			assert.equal(
				variantsFor(adapter(software, least, most), undefined, true),
				software ? ["portable"] : ["tiled", "portable"],
			);
			const wanted = () => variantsFor(adapter(software, least, most), "blocked", false);
			assertThrows(wanted, MissingFeatureError, [`variant "blocked" needs`, `${least} to ${most}`]);
		}
	});

test("a wanted one is the only one", () => {
	for (const variant of variantNames) assert.equal(variantsFor(adapter(true, 4, 4), variant, true), [variant]);
});

test.run();
