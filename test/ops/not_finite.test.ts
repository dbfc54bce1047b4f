// NaN and infinities go through every operation as they do in PyTorch, on each variant of the kernels: a training that
// diverged must look like one. docs/decisions.md, 17, says what WGSL promises and what the adapters do.
import {
	Adam,
	add,
	backward,
	conv2d,
	convTranspose2d,
	crossEntropy,
	logSoftmax,
	matmul,
	mean,
	mseLoss,
	quantize,
	relu,
	scaledDotProductAttention,
	softmax,
	sum,
	type Tensor,
} from "tessera-gpu";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { finiteScalar } from "../../src/ops/codes/finite_scalar.js";
import { rotationTrick } from "../../src/ops/codes/rotation_trick.js";
import { gatedActivation } from "../../src/ops/gated_activation.js";
import { normalize } from "../../src/ops/normalize.js";
import { type Array64, array, map } from "../reference/array.js";
import * as attentions from "../reference/attention.js";
import * as convolution from "../reference/convolution.js";
import * as elementwise from "../reference/elementwise.js";
import * as gates from "../reference/gated_activation.js";
import * as losses from "../reference/losses.js";
import * as products from "../reference/matmul.js";
import * as softmaxes from "../reference/softmax.js";
import * as transposed from "../reference/transposed_convolution.js";
import { checkOp, parameterOf, randomArray, randomIndices, tensorOf, variants } from "../support.js";

const test = suite("numbers that are not finite");

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const specials = [nan, inf, -inf];

/** Random numbers, with these at the given places. */
function withSpecial(seed: number, shape: number[], special: number, ...places: number[]): Array64 {
	return map(randomArray(new Random(seed), shape), (value, i) => (places.includes(i) ? special : value));
}

test("relu", async () => {
	const x = array([9], [nan, inf, -inf, 1, -1, 0, -0, nan, 1e-42]);
	await checkOp("relu", {
		inputs: [x],
		run: ([x]) => relu(x),
		expected: elementwise.relu(x),
		gradients: (dy) => [elementwise.reluBackward(x, dy)],
	});
});

test("relu of a NaN with a sign, which processors make of ∞ − ∞", async () => {
	for (const gpu of await variants()) {
		const y = gpu.scope(() => {
			const x = gpu.tensor(
				new Float32Array(Uint32Array.of(0xffc00000, 0xff800001, 0xffffffff, 0xbf800000).buffer),
				[4],
			);
			const image = x.share([4, 1, 1, 1]);
			return [relu(x), conv2d(image, gpu.tensor([1], [1, 1, 1, 1]), { activation: "relu" })];
		});
		for (const tensor of y) {
			assert.equal([...(await tensor.data())], [nan, nan, nan, 0]);
			tensor.dispose();
		}
	}
});

/** Shapes for which the kernels differ: few and many channels of either kind, an odd number, images that fill no block. */
const layers: [x: number[], outChannels: number, kernel: number, options: { stride?: number; padding?: number }][] = [
	[[4, 1, 1, 1], 1, 1, {}],
	[[1, 3, 4, 5], 5, 3, { padding: 1 }],
	[[17, 1, 5, 4], 9, 3, { padding: 1, stride: 2 }],
	[[5, 3, 4, 4], 17, 2, {}],
	[[17, 3, 2, 3], 6, 1, {}],
	[[16, 8, 4, 3], 3, 3, { padding: 1 }],
	[[4, 2, 3, 3], 2, 3, { padding: 1 }],
];

for (const [turn, special] of specials.entries())
	for (const [i, [shape, outChannels, kernel, options]] of layers.entries())
		for (const [part, where] of (["input", "weight", "bias"] as const).entries()) {
			const activation = (turn + i + part) % 2 === 0 ? "relu" : undefined;
			// At taps outside of the image, some kernels multiply by zero and others do nothing.
			if (where === "weight" && kernel > 1) continue;
			const [, channels] = shape as [number, number];
			const title = `${special} in the ${where} of [${shape}] → ${outChannels}, ${kernel}×${kernel}, ${activation}`;
			const values = (part: string, size: number[], seed: number) =>
				where === part
					? withSpecial(seed, size, special, 0, Math.floor(size.reduce((a, b) => a * b) / 2) + 1)
					: randomArray(new Random(seed), size);
			const [x, bias] = [values("input", shape, i), values("bias", [outChannels], 20 + i)];
			test(`conv2d: ${title}`, async () => {
				const weight = values("weight", [outChannels, channels, kernel, kernel], 10 + i);
				const sums = convolution.conv2d(x, weight, bias, options);
				await checkOp(title, {
					inputs: [x, weight, bias],
					tiled: outChannels > 2,
					run: ([x, weight, bias]) => conv2d(x, weight, { ...options, bias, activation }),
					expected: activation ? elementwise.relu(sums) : sums,
					gradients: (dy) => {
						const masked = activation ? elementwise.reluBackward(sums, dy) : dy;
						const { x: dx, weight: dw, bias: db } = convolution.conv2dBackward(x, weight, masked, options);
						return [dx, dw, db];
					},
				});
			});
			if (where === "input" && options.padding !== undefined) continue;
			test(`convTranspose2d: ${title}`, async () => {
				const weight = values("weight", [channels, outChannels, kernel, kernel], 10 + i);
				const sums = transposed.convTranspose2d(x, weight, bias, options);
				await checkOp(title, {
					inputs: [x, weight, bias],
					tiled: outChannels > 2,
					run: ([x, weight, bias]) => convTranspose2d(x, weight, { ...options, bias, activation }),
					expected: activation ? elementwise.relu(sums) : sums,
					gradients: (dy) => {
						const masked = activation ? elementwise.reluBackward(sums, dy) : dy;
						const { x: dx, weight: dw, bias: db } = transposed.convTranspose2dBackward(x, weight, masked, options);
						return [dx, dw, db];
					},
				});
			});
		}

for (const special of specials)
	for (const shape of [
		[3, 3],
		[2, 70, 3],
		[70, 5],
	])
		test(`softmax, logSoftmax and crossEntropy: ${special} in [${shape}]`, async () => {
			const x = withSpecial(1, shape, special, 0, 5);
			await checkOp("softmax", {
				inputs: [x],
				run: ([x]) => softmax(x, 1),
				expected: softmaxes.softmax(x, 1),
				gradients: (dy) => [softmaxes.softmaxBackward(x, 1, dy)],
			});
			await checkOp("logSoftmax", {
				inputs: [x],
				run: ([x]) => logSoftmax(x, 1),
				expected: softmaxes.logSoftmax(x, 1),
				gradients: (dy) => [softmaxes.logSoftmaxBackward(x, 1, dy)],
			});
			const [rows, classes, ...inner] = shape as [number, number, ...number[]];
			const count = inner.reduce((a, b) => a * b, rows);
			const targets = randomIndices(new Random(2), count, classes);
			await checkOp("crossEntropy", {
				inputs: [x],
				run: ([x], gpu) => crossEntropy(x, gpu.tensor(targets, [rows, ...inner])),
				expected: array([], [losses.crossEntropy(x, targets, 1)]),
				gradients: (dy) => [losses.crossEntropyBackward(x, targets, 1, dy.data[0])],
			});
		});

test("softmax and logSoftmax of a row of −∞ alone are NaN", async () => {
	const x = array([2, 2], [-inf, -inf, 1, 2]);
	for (const [name, op, reference] of [
		["softmax", softmax, softmaxes.softmax],
		["logSoftmax", logSoftmax, softmaxes.logSoftmax],
	] as const)
		for (const gpu of await variants()) {
			const values = await gpu.scope(() => op(tensorOf(gpu, x), 1)).data();
			assert.equal([...values.slice(0, 2)], [nan, nan], name);
			assert.ok(Math.abs(values[3] - reference(x, 1).data[3]) < 1e-6, name);
		}
});

/** An operation on the output of a convolution, which is blocked if the device has the blocked variant. */
function afterConvolution(
	x: Array64,
	weight: Array64,
	run: (y: Tensor, gpu: Parameters<Parameters<typeof checkOp>[1]["run"]>[1]) => Tensor,
	expected: (y: Array64) => Array64,
	gradient: (y: Array64, dy: Array64) => Array64,
): Parameters<typeof checkOp>[1] {
	const y = convolution.conv2d(x, weight, undefined);
	return {
		inputs: [x, weight],
		run: ([x, weight], gpu) => run(conv2d(x as Tensor, weight as Tensor), gpu),
		expected: expected(y),
		gradients: (dy) => {
			const { x: dx, weight: dw } = convolution.conv2dBackward(x, weight, gradient(y, dy));
			return [dx, dw];
		},
	};
}

test("crossEntropy: one logit that is NaN, of a class that is no target", async () => {
	for (const gpu of await variants()) {
		const loss = gpu.scope(() => {
			const x = tensorOf(gpu, randomArray(new Random(6), [5, 3, 2, 2]));
			const weight = tensorOf(gpu, randomArray(new Random(7), [4, 3, 1, 1]));
			const logits = conv2d(x, weight, { bias: gpu.tensor([nan, 0, 0, 0]) });
			return crossEntropy(logits, gpu.tensor(new Uint32Array(20).fill(2), [5, 2, 2]));
		});
		assert.ok(Number.isNaN(await loss.item()));
		loss.dispose();
	}
});

for (const special of specials)
	test(`scaledDotProductAttention: ${special} in a query, a key and a value`, async () => {
		for (const where of [0, 1, 2]) {
			const inputs = [0, 1, 2].map((i) =>
				i === where ? withSpecial(i, [2, 5, 4], special, 6) : randomArray(new Random(i), [2, 5, 4], 0.5, 1),
			);
			const [q, k, v] = inputs;
			await checkOp(`in input ${where}`, {
				inputs,
				run: ([q, k, v]) => scaledDotProductAttention(q, k, v),
				expected: attentions.attention(q, k, v),
				gradients: (dy) => Object.values(attentions.attentionBackward(q, k, v, dy)),
			});
		}
	});

for (const special of specials) {
	test(`crossEntropy: logits of ${special}`, async () => {
		const x = withSpecial(3, [5, 3, 2, 2], special, 37);
		const weight = randomArray(new Random(4), [4, 3, 1, 1], 0.5, 1);
		const codes = randomIndices(new Random(5), 20, 4);
		await checkOp(
			"crossEntropy",
			afterConvolution(
				x,
				weight,
				(y, gpu) => crossEntropy(y, gpu.tensor(codes, [5, 2, 2])),
				(y) => array([], [losses.crossEntropy(y, codes, 1)]),
				(y, dy) => losses.crossEntropyBackward(y, codes, 1, dy.data[0]),
			),
		);
	});

	test(`gatedActivation: ${special} in either half`, async () => {
		const x = withSpecial(6, [4, 4, 1, 3], special, 1, 20, 42);
		await checkOp("row-major", {
			inputs: [x],
			run: ([x]) => gatedActivation(x as Tensor),
			expected: gates.gatedActivation(x, {}),
			gradients: (dy) => [gates.gatedActivationBackward(x, {}, dy).x],
		});
		// The kernels keep tanh's argument below 15, so its slope at infinity is not just 0.
		if (!Number.isNaN(special)) return;
		await checkOp(
			"after a convolution",
			afterConvolution(
				x,
				randomArray(new Random(7), [6, 4, 1, 1], 0.5, 1),
				(y) => gatedActivation(y),
				(y) => gates.gatedActivation(y, {}),
				(y, dy) => gates.gatedActivationBackward(y, {}, dy).x,
			),
		);
	});

	test(`matmul, add, mseLoss, sum and mean: ${special}`, async () => {
		const [a, b] = [withSpecial(8, [5, 7], special, 3, 20), randomArray(new Random(9), [7, 6])];
		await checkOp("matmul", {
			inputs: [a, b],
			tiled: true,
			run: ([a, b]) => matmul(a, b),
			expected: products.matmul(a, b),
			gradients: (dy) => {
				const gradients = products.matmulBackward(a, b, dy);
				return [gradients.a, gradients.b];
			},
		});
		const other = randomArray(new Random(10), [5, 7]);
		for (const gpu of await variants()) {
			const [x, y] = [tensorOf(gpu, a), tensorOf(gpu, other)];
			const results = gpu.scope(() => [add(x, y), sum(x), mean(x), mseLoss(x, y)]);
			const [added, summed, averaged, loss] = await gpu.readAll(results);
			const values = [added?.[3], summed?.[0], averaged?.[0], loss?.[0]];
			assert.equal(values, [special, special, special, Math.abs(special)]);
			for (const tensor of [x, y, ...results]) tensor.dispose();
		}
	});
}

/** What `run` computes of x, and the gradient of its sum by x. */
async function forwardAndBackward(
	x: Array64,
	run: (x: Tensor) => Tensor,
): Promise<{ value: Float32Array; gradient: Float32Array }[]> {
	const results: { value: Float32Array; gradient: Float32Array }[] = [];
	for (const gpu of await variants()) {
		const parameter = parameterOf(gpu, x);
		const y = gpu.scope(() => {
			const y = run(parameter);
			backward(sum(y));
			return y;
		});
		results.push({ value: await y.data(), gradient: await parameter.grad.data() });
		y.dispose();
		parameter.dispose();
	}
	return results;
}

test("normalize: a vector with NaN is NaN, value and gradient, and the others are as without it", async () => {
	const x = array([3, 2], [3, 4, nan, 1, 0, 2]);
	for (const { value, gradient } of await forwardAndBackward(x, (x) => normalize(x))) {
		assert.equal(
			[...value].map((number) => Math.round(1e5 * number) / 1e5),
			[0.6, 0.8, nan, nan, 0, 1],
		);
		assert.equal([...gradient].map(Number.isNaN), [false, false, true, true, false, false]);
	}
});

test("rotationTrick: the gradient of a vector with NaN is NaN", async () => {
	const z = array([3, 2], [3, 4, nan, 1, 0, 2]);
	for (const { gradient } of await forwardAndBackward(z, (z) =>
		rotationTrick(z, z.gpu.tensor([1, 2, 3, 4, 5, 6], [3, 2])),
	))
		assert.equal([...gradient].map(Number.isNaN), [false, false, true, true, false, false]);
});

test("finiteScalar: NaN stays NaN, with an index in range", async () => {
	const z = array([3, 2], [0.3, -0.4, nan, 1, inf, -inf]);
	for (const { value, gradient } of await forwardAndBackward(
		z,
		(z) => finiteScalar(z, z.gpu.tensor(Uint32Array.of(5, 4), [2])).quantized,
	)) {
		assert.equal([...value].map(Number.isNaN), [false, false, true, false, false, false]);
		assert.equal([...value.slice(4)], [1, -1]);
		assert.equal([...gradient].map(Number.isNaN), [false, false, true, false, false, false]);
	}
	for (const gpu of await variants()) {
		const { indices } = gpu.scope(() => finiteScalar(tensorOf(gpu, z), gpu.tensor(Uint32Array.of(5, 4), [2])));
		assert.ok((await indices.data()).every((index) => index < 20));
		indices.dispose();
	}
});

test("quantize and Adam: NaN reaches the loss and the weights", async () => {
	for (const gpu of await variants()) {
		const z = gpu.parameter([1, nan, 3, 4], [2, 2]);
		const codebook = gpu.parameter([1, 2, 3, 4], [2, 2]);
		const loss = gpu.scope(() => {
			const { loss } = quantize(z, codebook, gpu.tensor(Uint32Array.of(0, 1), [2]));
			backward(loss);
			new Adam([z, codebook]).step();
			return loss;
		});
		assert.ok(Number.isNaN(await loss.item()));
		assert.equal([...(await codebook.data())].map(Number.isNaN), [false, true, false, false]);
		assert.ok(Number.isNaN((await z.data())[1]));
		for (const tensor of [z, codebook, loss]) tensor.dispose();
	}
});

test("a model whose first layer is NaN has a loss that is NaN, eager and captured", async () => {
	for (const gpu of await variants({ tiled: true })) {
		const model = new VQVAE(gpu, { inChannels: 1, embeddingDim: 4, numEmbeddings: 8, dataVariance: 1 });
		const [weight] = model.parameters();
		gpu.upload(weight as Tensor, new Float32Array((weight as Tensor).size).fill(nan));
		const trainer = new Trainer(model);
		const images = tensorOf(gpu, randomArray(new Random(1), [5, 1, 8, 8]));
		for (let step = 0; step < 4; step++)
			assert.ok(Number.isNaN(await trainer.step(images).loss.item()), `step ${step}`);
	}
});

test.run();
