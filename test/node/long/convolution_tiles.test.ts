import { suite } from "uvu";
import { Random } from "../../../src/base/random.js";
import { convolutionTilesFor } from "../../../src/gpu/convolution_tiles.js";
import { tiles } from "../../../src/gpu/tiles.js";
import { planConv2d, planConvTranspose2d } from "../../../src/ops/convolution/plan.js";
import { launchConvolutionTiled } from "../../../src/ops/convolution/tiled.js";
import { launchWeightGradientTiled } from "../../../src/ops/convolution/weight_gradient.js";
import * as reference from "../../reference/convolution.js";
import * as transposed from "../../reference/transposed_convolution.js";
import { assertClose, deviceWith, randomArray, tensorOf } from "../../support.js";

const test = suite("every tile of the convolutions");

const geometry = { stride: [2, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
const { stride, padding } = geometry;

/**
 * More channels and pixels than a tile has, no multiple of one; with input channels that 4 divides, and
 * not.
 */
const channels = [
	[8, 70],
	[5, 67],
] as const;

for (const tile of tiles)
	test(tile.name, async () => {
		const gpu = await deviceWith("tiled");
		for (const [inChannels, outChannels] of channels) {
			const random = new Random(inChannels);
			const x = randomArray(random, [3, inChannels, 11, 9]);
			const weight = randomArray(random, [outChannels, inChannels, 3, 3]);
			const bias = randomArray(random, [outChannels]);
			const expected = reference.conv2d(x, weight, bias, { stride: [2, 1], padding: 1 });
			const dy = randomArray(random, expected.shape);
			const gradients = reference.conv2dBackward(x, weight, dy, { stride: [2, 1], padding: 1 });
			const xOfTransposed = randomArray(random, [3, inChannels, 6, 5]);
			const weightOfTransposed = randomArray(random, [inChannels, outChannels, 3, 3]);
			const ofTransposed = transposed.convTranspose2d(xOfTransposed, weightOfTransposed, bias, {
				stride: [2, 1],
				padding: 1,
			});
			const results = gpu.scope(() => {
				const [input, w, b, gradient] = [x, weight, bias, dy].map((value) => tensorOf(gpu, value)) as [
					ReturnType<typeof tensorOf>,
					ReturnType<typeof tensorOf>,
					ReturnType<typeof tensorOf>,
					ReturnType<typeof tensorOf>,
				];
				const plan = planConv2d(x.shape, weight.shape, expected.shape, geometry);
				const y = launchConvolutionTiled(input, w, plan, { bias: b }, tile);
				const dw = launchWeightGradientTiled(input, gradient, weight.shape, geometry, "dy", tile);
				const planOfTransposed = planConvTranspose2d(
					xOfTransposed.shape,
					weightOfTransposed.shape,
					ofTransposed.shape,
					geometry,
				);
				const yOfTransposed = launchConvolutionTiled(
					tensorOf(gpu, xOfTransposed),
					tensorOf(gpu, weightOfTransposed),
					planOfTransposed,
					{ bias: b },
					tile,
				);
				return { y, dw, yOfTransposed };
			});
			const { y, dw, yOfTransposed } = results;
			const message = `${inChannels} channels, stride ${stride}, padding ${padding}`;
			assertClose(await y.data(), expected.data, 1e-5, `${message}: conv2d`);
			assertClose(await dw.weight.data(), gradients.weight.data, 1e-4, `${message}: weight gradient`);
			assertClose((await dw.bias?.data()) ?? [], gradients.bias.data, 1e-4, `${message}: bias gradient`);
			assertClose(await yOfTransposed.data(), ofTransposed.data, 1e-5, `${message}: convTranspose2d`);
			for (const tensor of [y, dw.weight, dw.bias, yOfTransposed]) tensor?.dispose();
		}
	});

const same = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;

/**
 * Windows of 1 to 5 taps, 1 to 4 output channels and input channels of a vector, and parts of many input
 * channels.
 */
for (const [inChannels, outChannels, kernel] of [
	[1, 1, 3],
	[2, 4, 1],
	[3, 2, 5],
	[37, 3, 4],
	[150, 4, 2],
	[6, 1, 7],
] as const)
	test(`every tile for ${inChannels} → ${outChannels} channels, ${kernel}×${kernel}`, async () => {
		const gpu = await deviceWith("tiled");
		const random = new Random(kernel);
		const x = randomArray(random, [3, inChannels, 11, 19]);
		const weight = randomArray(random, [outChannels, inChannels, kernel, kernel]);
		const expected = reference.conv2d(x, weight, undefined, { padding: 1 });
		const plan = planConv2d(x.shape, weight.shape, expected.shape, same);
		const weightOfTransposed = randomArray(random, [inChannels, outChannels, kernel, kernel]);
		const ofTransposed = transposed.convTranspose2d(x, weightOfTransposed, undefined, { stride: [2, 1], padding: 1 });
		const planOfTransposed = planConvTranspose2d(x.shape, weightOfTransposed.shape, ofTransposed.shape, geometry);
		for (const [plans, w, y] of [
			[plan, weight, expected],
			[planOfTransposed, weightOfTransposed, ofTransposed],
		] as const)
			for (const tile of convolutionTilesFor(plans)) {
				const result = gpu.scope(() => launchConvolutionTiled(tensorOf(gpu, x), tensorOf(gpu, w), plans, {}, tile));
				assertClose(await result.data(), y.data, 1e-5, tile.name);
				result.dispose();
			}
	});

test.run();
