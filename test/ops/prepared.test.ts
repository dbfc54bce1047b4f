import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { launchJoinLevels, launchTakeLevel } from "../../src/ops/codes/code_levels.js";
import { launchCodeSums } from "../../src/ops/codes/code_sums.js";
import { launchPrepare } from "../../src/ops/codes/nearest_code.js";
import { launchPackWeights } from "../../src/ops/convolution/pack_weights.js";
import { planConv2d } from "../../src/ops/convolution/plan.js";
import { launchSum } from "../../src/ops/sum.js";
import { toBlocked, toContiguous, wordsOf } from "../../src/tensor/layout.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { array, sizeOf } from "../reference/array.js";
import * as codes from "../reference/codes.js";
import { blockImages, packWeights, unblockImages } from "../reference/layout.js";
import { assertClose, assertSame, device, deviceWith, randomArray, randomIndices, tensorOf } from "../support.js";

const test = suite("what kernels prepare for others");

for (const [shape, width, inputs, tapsAsOutputs] of [
	[[1, 1, 1, 1], 16, 1, false],
	[[17, 3, 3, 2], 16, 4, false],
	[[33, 5, 1, 1], 8, 5, false],
	[[3, 5, 3, 3], 16, 6, true],
] as const)
	test(`weights [${shape}] are packed ${width} wide${tapsAsOutputs ? ", taps as outputs" : ""}`, async () => {
		const gpu = await deviceWith("portable");
		const [outChannels, inChannels, height, kernelWidth] = shape;
		const weight = randomArray(new Random(outChannels), shape);
		const geometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
		const plan = planConv2d([1, inChannels, 9, 9], shape, [1, outChannels, 8, 8], geometry);
		const inputMultiple = inputs;
		const [w, packed] = gpu.scope(() => {
			const w = tensorOf(gpu, weight);
			return [w, launchPackWeights(w, plan, { width, inputMultiple, tapsAsOutputs })];
		});
		const flat = array([outChannels, inChannels, height * kernelWidth], weight.data);
		const expected = packWeights(flat, width, inputs, tapsAsOutputs);
		assertSame(await packed.data(), Float32Array.from(expected.data), `${shape}`);
		for (const tensor of [w, packed]) tensor.dispose();
	});

for (const [shape, count] of [
	[[1, 1], 1],
	[[1031, 7], 5],
	[[3, 4, 7, 5], 11],
] as const)
	test(`the sums of ${count} codes over z [${shape}]`, async () => {
		const gpu = await device();
		const random = new Random(count);
		const latents = randomArray(random, shape);
		const positions = (shape as readonly number[]).toSpliced(1, 1);
		const own = randomIndices(random, sizeOf(positions), count);
		const sums = gpu.scope(() => {
			const { partial, splits } = launchCodeSums(tensorOf(gpu, latents), gpu.tensor(own, positions), count);
			return launchSum(partial, { r2: splits, k2: count * (shape[1] + 1) }, [count, shape[1] + 1]);
		});
		assertClose(await sums.data(), codes.codeSums(latents, own, count).data, 1e-5, `${shape}`);
		sums.dispose();
	});

for (const [shape, width, multiple] of [
	[[1, 1], 8, 1],
	[[37, 5], 16, 2],
	[[64, 16], 32, 2],
] as const)
	test(`a codebook [${shape}] is prepared ${width} wide`, async () => {
		const gpu = await device();
		const codebook = randomArray(new Random(width), shape);
		const { transposed, halfNorm } = gpu.scope(() => launchPrepare(tensorOf(gpu, codebook), width, multiple));
		const expected = codes.prepareCodebook(codebook, width, Math.ceil(shape[1] / multiple) * multiple);
		// A value that is added may be 0 or −0: both are the same in the sums of nearest_code.wgsl.
		const withoutSignOf0 = (values: Iterable<number>) => Float32Array.from(values, (value) => value + 0);
		assertSame(withoutSignOf0(await transposed.data()), withoutSignOf0(expected.transposed), "transposed");
		assertClose(await halfNorm.data(), expected.halfNorm, 1e-6, "halfNorm");
		for (const tensor of [transposed, halfNorm]) tensor.dispose();
	});

test("levels of codes are joined, and taken again", async () => {
	const gpu = await device();
	const random = new Random(3);
	const levels = [0, 1, 2].map(() => randomIndices(random, 2 * 67, 9));
	const [joined, ...taken] = gpu.scope(() => {
		const tensors = levels.map((level) => gpu.tensor(level, [2, 67]));
		const joined = launchJoinLevels(tensors as [Tensor<"uint32">, ...Tensor<"uint32">[]], 9);
		return [joined, ...levels.map((_, level) => launchTakeLevel(joined, level))];
	});
	const expected = codes.joinLevels(
		levels.map((level) => [...level]),
		9,
	);
	assertSame(await joined.data(), Uint32Array.from(expected), "joined");
	for (const [level, tensor] of taken.entries())
		assertSame(
			await tensor.data(),
			Uint32Array.from(codes.takeLevel(expected, level, levels.length)),
			`level ${level}`,
		);
	for (const tensor of [joined, ...taken]) tensor.dispose();
});

for (const shape of [
	[1, 1, 1],
	[17, 3, 2, 5],
	[33, 1, 7, 1],
])
	test(`images [${shape}] in blocks of 16, and contiguous again`, async () => {
		const gpu = await device();
		if (!gpu.variants.includes("blocked")) return;
		const images = randomArray(new Random(shape[0]), shape);
		const blocks = Math.ceil((shape[0] as number) / 16);
		for (const first of [0, 16].filter((first) => first < (shape[0] as number))) {
			const count = blocks - first / 16;
			const x = tensorOf(gpu, images);
			const blocked = gpu.empty([count * 16 * sizeOf(shape.slice(1))]);
			toBlocked(gpu, x.memory(), shape, blocked.memory(), first);
			const expected = Float32Array.from(blockImages(images, count, first).data);
			assertSame(await blocked.data(), expected, `[${shape}] from ${first}`);
			for (const tensor of [x, blocked]) tensor.dispose();
		}
		const blocked = gpu.empty(shape, "float32", "blocked");
		const blocksOfImages = randomArray(new Random(blocks), [blocks, sizeOf(shape.slice(2)), shape[1] as number, 16]);
		gpu.write(blocked.memory("blocked"), Float32Array.from(blocksOfImages.data));
		const contiguous = new Tensor(gpu, toContiguous(gpu, blocked.memory("blocked"), shape), shape, "float32");
		const expected = Float32Array.from(unblockImages(blocksOfImages, shape).data);
		assertSame(await contiguous.data(), expected, `[${shape}] contiguous`);
		assertSame([wordsOf(shape, "blocked")], [blocks * 16 * sizeOf(shape.slice(1))], "words");
		for (const tensor of [blocked, contiguous]) tensor.dispose();
	});

test.run();
