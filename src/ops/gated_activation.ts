import gatedActivationKernel from "../../kernels/gated_activation.wgsl";
import gatedActivationGradKernel from "../../kernels/gated_activation_grad.wgsl";
import { record } from "../autograd/tape.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape } from "../base/shape.js";
import type { Constants, Kernel } from "../gpu/kernel.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { blockSize, blocksOf, wordsOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkRank, commonGpu } from "./check.js";
import { launchSum } from "./sum.js";

export interface GatedActivationOptions {
	/** float32 [B, 2C, H, W], added to x first. */
	readonly plus?: Tensor | undefined;
	/** float32 [B, 2C], then added to each pixel of an image: conditions it on the image's class. */
	readonly bias?: Tensor | undefined;
}

/** The sums over the pixels [B, 2C] of a gradient [B, 2C, H, W]. */
function launchImageSums(x: Tensor): Tensor {
	const { gpu } = x;
	const [batch, channels, height, width] = x.shape;
	const plane = height * width;
	if (x.layout === "contiguous") return launchSum(x, { k1: batch * channels, r2: plane }, [batch, channels]);
	const out = gpu.empty([batch, channels]);
	gpu.launch(gpu.blockedKernels.imageSums, {
		bindings: [x.memory("blocked"), out.memory()],
		uniforms: { batch, channels, plane },
		workgroups: Math.ceil((blocksOf(batch) * channels * (blockSize / 4)) / 64),
	});
	return out;
}

function check(name: string, x: Tensor, { plus, bias }: GatedActivationOptions): Shape {
	checkTensor(name, "x", x, "float32");
	checkRank(name, "x", x.shape, 4, "[B, 2C, H, W]");
	const [batch, channels, height, width] = x.shape;
	if (channels % 2 !== 0)
		throw new ShapeError(`${name}: x must have an even number of channels, but has shape ${formatShape(x.shape)}.`);
	for (const [what, tensor, shape] of [
		["plus", plus, x.shape],
		["bias", bias, [batch, channels]],
	] as const) {
		if (tensor === undefined) continue;
		checkTensor(name, what, tensor, "float32");
		if (!sameShape(tensor.shape, shape))
			throw new ShapeError(
				`${name}: ${what} must be ${formatShape(shape)}, but has shape ${formatShape(tensor.shape)}.`,
			);
	}
	return [batch, channels / 2, height, width];
}

/**
 * tanh(a) · σ(b), where a is the first half of the channels of x + plus + bias and b the second: the gated activation unit
 * of van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016, equation 2.
 *
 * @param x float32 [B, 2C, H, W]
 * @returns [B, C, H, W]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function gatedActivation(x: Tensor, options: GatedActivationOptions = {}): Tensor {
	const name = "gatedActivation";
	const { plus, bias } = options;
	const to = check(name, x, options);
	const gpu = commonGpu(name, x, plus, bias);
	const [, channels, height, width] = to;
	const layout = x.layout === "blocked" || plus?.layout === "blocked" ? "blocked" : "contiguous";
	const kernels =
		layout === "blocked"
			? {
					forward: gpu.blockedKernels.gatedActivation,
					backward: gpu.blockedKernels.gatedActivationGrad,
					elementsPerInvocation: 4,
				}
			: { forward: gatedActivationKernel, backward: gatedActivationGradKernel, elementsPerInvocation: 1 };
	const constants: Constants = {
		CHANNELS: channels,
		PLANE: height * width,
		PLUS: plus === undefined ? 0 : 1,
		BIAS: bias === undefined ? 0 : 1,
	};
	/** Launches a kernel with one invocation for `elementsPerInvocation` elements of a tensor [B, C, H, W]. */
	const launch = (kernel: Kernel, others: readonly Tensor[]) => {
		const memory = x.memory(layout);
		gpu.launch(kernel, {
			constants,
			bindings: [
				memory,
				plus?.memory(layout) ?? memory,
				bias?.share([...bias.shape, 1, 1]).memory(layout) ?? memory,
				...others.map((tensor) => tensor.memory(layout)),
			],
			workgroups: Math.ceil(wordsOf(to, layout) / (64 * kernels.elementsPerInvocation)),
		});
	};

	const output = gpu.scope(() => {
		const out = gpu.empty(to, "float32", layout);
		launch(kernels.forward, [out]);
		return out;
	});
	const sources = [x, ...(plus === undefined ? [] : [plus]), ...(bias === undefined ? [] : [bias])];
	return record(name, output, sources, sources, (dy) =>
		gpu.scope(() => {
			const dx = gpu.empty(x.shape, "float32", layout);
			launch(kernels.backward, [dy, dx]);
			return [
				x.requiresGrad ? dx : null,
				...(plus === undefined ? [] : [plus.requiresGrad ? dx.share() : null]),
				...(bias === undefined ? [] : [bias.requiresGrad ? launchImageSums(dx) : null]),
			];
		}),
	);
}
