import { codeUse } from "tessera-gpu/quantizers";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("codeUse");

test("perplexity and the number of codes in use follow from counts", () => {
	assert.equal(codeUse([0, 0]), { perplexity: 0, codesInUse: 0 });
	assert.equal(codeUse([5, 0, 0]), { perplexity: 1, codesInUse: 1 });
	const { perplexity, codesInUse } = codeUse([2, 2, 2, 2, 0]);
	assert.ok(Math.abs(perplexity - 4) < 1e-12);
	assert.is(codesInUse, 4);
});

test.run();
