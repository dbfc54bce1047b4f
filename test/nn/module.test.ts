import {
	Conv2d,
	ConvTranspose2d,
	Embedding,
	Module,
	Random,
	ReLU,
	Sequential,
	StateDictError,
	type Tensor,
} from "tessera-gpu";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertThrows, device } from "../support.js";

const test = suite("modules");

test("state-dict names and shapes are PyTorch's", async () => {
	const model = new VQVAE(await device(), { inChannels: 1 });
	const shapes = Object.entries(model.stateDict()).map(([name, { shape }]) => `${name} ${shape.join("×")}`);
	assert.equal(shapes, [
		"encoder.convs.0.weight 32×1×3×3",
		"encoder.convs.0.bias 32",
		"encoder.convs.2.weight 64×32×3×3",
		"encoder.convs.2.bias 64",
		"encoder.convs.4.weight 16×64×1×1",
		"encoder.convs.4.bias 16",
		"vq_layer.embeddings.weight 128×16",
		"decoder.convs.0.weight 16×64×3×3",
		"decoder.convs.0.bias 64",
		"decoder.convs.2.weight 64×32×3×3",
		"decoder.convs.2.bias 32",
		"decoder.convs.4.weight 32×1×3×3",
		"decoder.convs.4.bias 1",
	]);
	model.dispose();
});

test("layers start within PyTorch's bounds and fill them", async () => {
	const gpu = await device();
	const random = new Random(1);
	const cases = [
		{ layer: new Conv2d(gpu, 8, 16, 3, { random }), bound: 1 / Math.sqrt(8 * 9) },
		{ layer: new Conv2d(gpu, 8, 16, 3, { groups: 4, random }), bound: 1 / Math.sqrt(2 * 9) },
		{ layer: new ConvTranspose2d(gpu, 8, 16, 3, { random }), bound: 1 / Math.sqrt(16 * 9) },
		{ layer: new ConvTranspose2d(gpu, 8, 16, [2, 5], { groups: 2, random }), bound: 1 / Math.sqrt(8 * 10) },
	];
	for (const { layer, bound } of cases) {
		const weight = await layer.weight.data();
		const largest = Math.max(...weight.map(Math.abs));
		assert.ok(largest <= Math.fround(bound) && largest > 0.9 * bound, `${largest} of ${bound}`);
		const bias = await (layer.bias as Tensor).data();
		assert.ok(Math.max(...bias.map(Math.abs)) <= Math.fround(bound));
		layer.dispose();
	}
	const embedding = new Embedding(gpu, 500, 8, { random });
	const values = await embedding.weight.data();
	const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
	const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
	assert.ok(Math.abs(mean) < 0.06 && Math.abs(square - 1) < 0.1, `mean ${mean}, variance ${square}`);
	embedding.dispose();
});

test("the same seed gives the same weights, another seed others", async () => {
	const gpu = await device();
	const weights = async (seed: number) => {
		const model = new VQVAE(gpu, { inChannels: 1, seed });
		const data = await (model.stateDict()["decoder.convs.2.weight"] as { data(): Promise<Float32Array> }).data();
		model.dispose();
		return data;
	};
	const [first, again, other] = [await weights(3), await weights(3), await weights(4)];
	assert.equal(first, again);
	assert.not.equal(first, other);
});

test("a state dict that does not fit changes nothing", async () => {
	const gpu = await device();
	const layers = () => new Sequential([new Conv2d(gpu, 1, 2, 3, { random: 0 }), new ReLU()]);
	const model = layers();
	const before = await model.stateDict()["0.weight"]?.data();
	const dict = {
		"0.bias": { shape: [3], data: [1, 2, 3] },
		"1.weight": { shape: [1], data: [1] },
	};
	assertThrows(() => model.loadStateDict(dict), StateDictError, ["0.weight", "1.weight", "[3]", "[2]"]);
	assert.equal(await model.stateDict()["0.weight"]?.data(), before);

	const other = layers();
	const short = { "0.bias": { shape: [2], data: [1, 2] }, "0.weight": { shape: [2, 1, 3, 3], data: [1, 2] } };
	assertThrows(() => model.loadStateDict(short), StateDictError, ["0.weight has 2 numbers"]);
	assert.not.equal(await model.stateDict()["0.bias"]?.data(), Float32Array.of(1, 2), "nothing was changed");
	model.loadStateDict(model.stateDict());
	assert.equal(await model.stateDict()["0.weight"]?.data(), before, "loading its own state changes nothing");
	other.loadStateDict({
		"0.weight": { shape: [2, 1, 3, 3], data: new Array(18).fill(0.5) },
		"0.bias": { shape: [2], data: [1, 2] },
	});
	model.loadStateDict(other.stateDict());
	assert.equal(await model.stateDict()["0.bias"]?.data(), Float32Array.of(1, 2));
	model.dispose();
	other.dispose();
});

test("modules in arrays are part of their module", async () => {
	const gpu = await device();
	class Pair extends Module {
		readonly blocks = [new Conv2d(gpu, 1, 1, 1, { random: 0 }), new Conv2d(gpu, 1, 1, 1, { random: 1 })];
		override cost(input: readonly number[]) {
			return { output: input, multiplyAdds: 0 };
		}
	}
	const pair = new Pair();
	assert.equal(Object.keys(pair.stateDict()), ["blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias"]);
	pair.dispose();
});

test("a module's parameters are all freed", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const model = new VQVAE(gpu, { inChannels: 2 });
	assert.is(gpu.memory().buffers, before + 13);
	model.dispose();
	assert.is(gpu.memory().buffers, before);
});

test.run();
