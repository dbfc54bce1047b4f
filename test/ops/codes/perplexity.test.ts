import { perplexity } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import * as reference from "../../reference/codes.js";
import { assertClose, checkMemory, device, randomIndices } from "../../support.js";

const test = suite("perplexity");

for (const [count, codes, used] of [
	[1, 1, 1],
	[977, 5, 5],
	[6272, 128, 90],
	[100, 1000, 1000],
	[31, 67, 1],
] as const)
	test(`${count} indices, ${used} of ${codes} codes in use`, async () => {
		const gpu = await device();
		const indices = randomIndices(new Random(count), count, used);
		const [x, value] = gpu.scope(() => {
			const x = gpu.tensor(indices, [count]);
			return [x, perplexity(x, codes)] as const;
		});
		assertClose(await value.data(), [reference.perplexity(indices, codes)], 1e-6, "perplexity");
		for (const tensor of [x, value]) tensor.dispose();
	});

test("what is no code is not counted; nothing counted is 0", async () => {
	const gpu = await device();
	const x = gpu.tensor(Uint32Array.of(0, 9, 1, 4_000_000_000), [4]);
	const [two, none] = [perplexity(x, 2), perplexity(gpu.tensor(Uint32Array.of(7), [1]), 2)];
	assertClose(await two.data(), [2], 1e-6, "two codes");
	assert.is((await none.data())[0], 0);
	for (const tensor of [x, two, none]) tensor.dispose();
});

test("it leaves nothing behind", () =>
	checkMemory((gpu) => {
		perplexity(gpu.tensor(Uint32Array.of(1, 2), [2]), 3);
	}));

test.run();
