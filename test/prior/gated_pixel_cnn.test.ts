import { ArgumentError, backward, type Gpu, noGrad, ShapeError, summary, type Tensor } from "tessera-gpu";
import { GatedPixelCNN, type GatedPixelCNNOptions } from "tessera-gpu/prior";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { crossEntropy } from "../../src/ops/cross_entropy.js";
import type { Array64 } from "../reference/array.js";
import { dropout } from "../reference/dropout.js";
import { gatedPixelCNNLoss, type Parameters64 } from "../reference/gated_pixel_cnn.js";
import { assertClose, assertThrows, device, randomArray, randomIndices, variants } from "../support.js";

const test = suite("GatedPixelCNN");

function codesFor(gpu: Gpu, data: Uint32Array, { height, width }: GatedPixelCNN): Tensor<"uint32"> {
	return gpu.tensor(data, [data.length / (height * width), height, width]);
}

/** The logits, without a gradient. */
async function logitsOf(model: GatedPixelCNN, data: Uint32Array, labels?: readonly number[]): Promise<Float32Array> {
	const { gpu } = model;
	const logits = gpu.scope(() =>
		noGrad(() =>
			model.forward(codesFor(gpu, data, model), labels && gpu.tensor(Uint32Array.from(labels), [labels.length])),
		),
	);
	const values = await logits.data();
	logits.dispose();
	return values;
}

const grids: GatedPixelCNNOptions[] = [
	{ numEmbeddings: 5, height: 7, width: 7, channels: 12, layers: 6, kernelSize: 3 },
	{ numEmbeddings: 3, height: 7, width: 7, channels: 10, layers: 3, kernelSize: 5 },
	{ numEmbeddings: 3, height: 14, width: 14, channels: 12, layers: 7, kernelSize: 5 },
	{ numEmbeddings: 4, height: 3, width: 8, channels: 9, layers: 3, kernelSize: 7 },
];

/** Weights that a code's influence may need to get through gates and ReLUs. */
const seeds = [1, 2, 3, 4];

for (const options of grids)
	test(`each code reaches the logits after it, all of them, and none before: ${JSON.stringify(options)}`, async () => {
		const { numEmbeddings, height, width } = options;
		const positions = height * width;
		// One grid as it is, and for each position a grid in which that code is another one.
		const grid = randomIndices(new Random(1), positions, numEmbeddings);
		const all = new Uint32Array((positions + 1) * positions);
		for (let image = 0; image <= positions; image++) {
			all.set(grid, image * positions);
			if (image > 0) all[image * positions + image - 1] = ((grid[image - 1] as number) + 1) % numEmbeddings;
		}
		for (const gpu of await variants()) {
			const moved = new Set<string>();
			for (const seed of seeds) {
				if (moved.size === (positions * (positions - 1)) / 2) break; // all there is to see
				const model = new GatedPixelCNN(gpu, { ...options, seed });
				// Larger than the initial weights, so that float32 still shows an influence through all layers.
				for (const [name, parameter] of model.namedParameters())
					if (name.endsWith("conv.weight") || name.endsWith("horizontal.weight") || name.endsWith("out.weight"))
						gpu.upload(
							parameter,
							(await parameter.data()).map((value) => 2 * value),
						);
				const logits = await logitsOf(model, all);
				const at = (image: number, k: number, p: number) => logits[(image * numEmbeddings + k) * positions + p];
				for (let changed = 0; changed < positions; changed++)
					for (let p = 0; p < positions; p++)
						for (let k = 0; k < numEmbeddings; k++)
							if (!Object.is(at(changed + 1, k, p), at(0, k, p))) moved.add(`${changed} → ${p}`);
				model.dispose();
			}
			for (let changed = 0; changed < positions; changed++)
				for (let p = 0; p < positions; p++)
					assert.is(moved.has(`${changed} → ${p}`), p > changed, `position ${changed} changed, logits at ${p}`);
		}
	});

for (const [kernelSize, p] of [
	[3, 0],
	[5, 0],
	[3, 0.4],
] as const)
	test(`loss and gradients are the paper's with masks, in float64: kernel ${kernelSize}, dropout ${p}`, async () => {
		const [layers, grid, numEmbeddings] = [3, [5, 3, 4], 5] as const;
		for (const gpu of await variants()) {
			const random = new Random(kernelSize);
			const [batch, height, width] = grid;
			const options = { numEmbeddings, height, width, layers, kernelSize, channels: 4, numClasses: 3, seed: 1 };
			const model = new GatedPixelCNN(gpu, options);
			const codes = randomIndices(random, batch * height * width, numEmbeddings);
			const labels = randomIndices(random, batch, 3);
			const loss = gpu.scope(() => {
				const dropoutOptions = p === 0 ? undefined : { p, random: gpu.tensor(Uint32Array.of(3, 8), [2]) };
				const loss = crossEntropy(
					model.forward(gpu.tensor(codes, grid), gpu.tensor(labels, [batch]), dropoutOptions),
					gpu.tensor(codes, grid),
				);
				backward(loss);
				return loss;
			});
			const parameters: Record<string, Array64> = {};
			for (const [name, parameter] of model.namedParameters())
				parameters[name] = { shape: [...parameter.shape], data: Float64Array.from(await parameter.data()) };
			const lossOf = (parameters: Parameters64) => {
				let first = 0;
				return gatedPixelCNNLoss(parameters, codes, grid, labels, layers, (x) => {
					first += x.data.length;
					return dropout(x, { p, seed: 3, step: 8, first: first - x.data.length });
				});
			};
			assertClose([await loss.item()], [lossOf(parameters)], 1e-6, "loss");
			for (const [name, parameter] of model.namedParameters()) {
				const gradient = await parameter.grad.data();
				const value = parameters[name] as Array64;
				for (let attempt = 0; attempt < 2; attempt++) {
					const direction = randomArray(random, value.shape);
					const at = (distance: number) => {
						const data = value.data.map((element, i) => element + distance * (direction.data[i] as number));
						return lossOf({ ...parameters, [name]: { shape: value.shape, data } });
					};
					const slope = (at(1e-6) - at(-1e-6)) / 2e-6;
					const expected = gradient.reduce((sum, element, i) => sum + element * (direction.data[i] as number), 0);
					assert.ok(Math.abs(slope - expected) < 1e-6 + 1e-4 * Math.abs(slope), `${name}: ${expected}, not ${slope}`);
				}
			}
			loss.dispose();
			model.dispose();
		}
	});

test("classes change the logits", async () => {
	const gpu = await device();
	const options = { numEmbeddings: 4, height: 3, width: 3, channels: 16, layers: 2 };
	const model = new GatedPixelCNN(gpu, { ...options, numClasses: 2 });
	const codes = randomIndices(new Random(1), 18, 4);
	codes.copyWithin(9, 0, 9);
	const logits = await logitsOf(model, codes, [0, 1]);
	for (let i = 0; i < 36; i++) assert.is.not(logits[i], logits[36 + i]);
	model.dispose();
});

test("the state dict can be saved and loaded, and the initial weights depend on the seed", async () => {
	const gpu = await device();
	const options = { numEmbeddings: 4, height: 3, width: 3, channels: 4, layers: 2, numClasses: 2 };
	const [a, b, c] = [1, 1, 2].map((seed) => new GatedPixelCNN(gpu, { ...options, seed }));
	const codes = randomIndices(new Random(1), 9, 4);
	const of = (model: GatedPixelCNN | undefined) => logitsOf(model as GatedPixelCNN, codes, [1]);
	assert.equal(await of(a), await of(b));
	assert.not.equal(await of(a), await of(c));
	c?.loadStateDict((a as GatedPixelCNN).stateDict());
	assert.equal(await of(a), await of(c));
	for (const model of [a, b, c]) model?.dispose();
});

test("its cost is that of its convolutions", async () => {
	const gpu = await device();
	const model = new GatedPixelCNN(gpu, { numEmbeddings: 10, height: 5, width: 4, channels: 8, layers: 2 });
	// A layer: vertical 2·3 taps (the first one 3), across 1, horizontal 2 (1), out 1; then the head.
	const layer = (vertical: number, horizontal: number) => 8 * 16 * vertical + 16 * 16 + 8 * 16 * horizontal + 8 * 8;
	assert.equal(model.cost([3, 5, 4]), {
		output: [3, 10, 5, 4],
		multiplyAdds: 3 * 20 * (layer(3, 1) + layer(6, 2) + 8 * 32 + 32 * 10),
	});
	const table = summary(model, [1, 5, 4]);
	assert.match(table, /Conv2d: 2-4 +\[1, 10, 5, 4\] +330/);
	assert.match(table, /GatedLayer mult-adds \(K\): /);
	model.dispose();
});

test("refuses sizes, codes and labels that do not fit", async () => {
	const gpu = await device();
	const good = { numEmbeddings: 4, height: 3, width: 3 };
	for (const bad of [{ channels: 0 }, { kernelSize: 4 }, { kernelSize: 1 }, { layers: 1.5 }, { numClasses: -1 }])
		assertThrows(() => new GatedPixelCNN(gpu, { ...good, ...bad }), ArgumentError, Object.keys(bad));
	const model = new GatedPixelCNN(gpu, { ...good, channels: 2, layers: 1 });
	const classes = new GatedPixelCNN(gpu, { ...good, channels: 2, layers: 1, numClasses: 3 });
	gpu.scope(() => {
		const codes = gpu.tensor(new Uint32Array(18), [2, 3, 3]);
		assertThrows(() => model.forward(gpu.tensor(new Uint32Array(18), [3, 3, 2])), ShapeError, [[3, 3, 2]]);
		assertThrows(() => model.forward(codes, gpu.tensor(Uint32Array.of(0, 0), [2])), ArgumentError, ["without classes"]);
		assertThrows(() => classes.forward(codes), ArgumentError, ["3 classes"]);
		assertThrows(() => classes.forward(codes, gpu.tensor(Uint32Array.of(0), [1])), ShapeError, [[1], [2]]);
	});
	for (const each of [model, classes]) each.dispose();
});

test.run();
