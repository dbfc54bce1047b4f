import { generateDigits } from "tessera-gpu/digits";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Classifier } from "../../../evaluate/recognition/classifier.js";
import { device } from "../../support.js";

const test = suite("the benchmark's classifier");

test("learns to tell digits apart, and is not sure before", async () => {
	const gpu = await device();
	const [train, unseen] = [generateDigits(512, 1), generateDigits(100, 2)];
	const classifier = new Classifier(gpu, train, 10, 0);
	const right = async () => {
		const found = await classifier.classesOf(unseen.pixels, unseen);
		return found.filter((label, i) => label === unseen.labels?.[i]).length;
	};
	const before = await right();
	// The first optimizer joins the parameters' memory.
	await classifier.train(train, { epochs: 1, batch: 32, seed: 3 });
	const { buffers } = gpu.memory();
	await classifier.train(train, { epochs: 5, batch: 32, seed: 4 });
	const after = await right();
	assert.ok(before < 40 && after > 85, `${before} → ${after} of 100`);
	assert.is(gpu.memory().buffers, buffers, "the tensors of the training are freed");
	classifier.dispose();
});

test.run();
