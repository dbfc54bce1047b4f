import { summary } from "tessera-gpu";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { device } from "../support.js";

const test = suite("summary");

test("the table has torchinfo's numbers for [1, 1, 224, 224]", async () => {
	const model = new VQVAE(await device(), { inChannels: 1 });
	const table = summary(model, [1, 1, 224, 224]);
	for (const line of [
		/Encoder: 1-1 +\[1, 16, 56, 56\] +--/,
		/Conv2d: 3-1 +\[1, 32, 112, 112\] +320$/m,
		/Conv2d: 3-3 +\[1, 64, 56, 56\] +18,496$/m,
		/Conv2d: 3-5 +\[1, 16, 56, 56\] +1,040$/m,
		/ConvTranspose2d: 3-6 +\[1, 64, 112, 112\] +9,280$/m,
		/ConvTranspose2d: 3-8 +\[1, 32, 224, 224\] +18,464$/m,
		/ReLU: 3-9 +\[1, 32, 224, 224\] +--$/m,
		/ConvTranspose2d: 3-10 +\[1, 1, 224, 224\] +289$/m,
		/^Total params: 47,889$/m,
		/^Total mult-adds \(G\): 1\.12$/m,
		/^Input size \(MB\): 0\.20$/m,
		/^Forward\/backward pass size \(MB\): 24\.89$/m,
		/^Params size \(MB\): 0\.19$/m,
		/^Estimated Total Size \(MB\): 25\.28$/m,
		/VectorQuantizer .*\[1, 16, 56, 56\] +2,048$/m,
	])
		assert.match(table, line);
	model.dispose();
});

test("the true cost at 28×28 is 5.30 M multiply-adds and 0.10 M for the distances", async () => {
	const model = new VQVAE(await device(), { inChannels: 1 });
	const table = summary(model, [1, 1, 28, 28]);
	assert.match(table, /^True mult-adds of the layers \(M\): 5\.30/m);
	assert.match(table, /^VectorQuantizer mult-adds \(K\): 100\.35$/m);
	assert.is(model.cost([1, 1, 28, 28]).multiplyAdds, 5_299_840 + 100_352);
	model.dispose();
});

test.run();
