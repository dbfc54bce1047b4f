import gatedActivationBlockedKernel from "../../kernels/gated_activation.blocked.wgsl";
import gatedActivationKernel from "../../kernels/gated_activation.wgsl";
import gatedActivationGradBlockedKernel from "../../kernels/gated_activation_grad.blocked.wgsl";
import gatedActivationGradKernel from "../../kernels/gated_activation_grad.wgsl";
import imageSumsKernel from "../../kernels/image_sums.blocked.wgsl";
import { record } from "../autograd/tape.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape } from "../base/shape.js";
import type { Constants, Kernel } from "../gpu/kernel.js";
import type { Storage } from "../gpu/storage.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { blockedStorage, blockSize, blocksOf, emptyBlocked } from "./blocked.js";
import { checkRank, commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { sumOver } from "./sum.js";

export interface GatedActivationOptions {
	/** float32 [B, 2C, H, W], added to x first. */
	readonly plus?: Tensor | undefined;
	/** float32 [B, 2C], then added to each pixel of an image: what conditions on the image's class. */
	readonly bias?: Tensor | undefined;
}

/** The sums over the pixels [B, 2C] of a gradient [B, 2C, H, W] that lies in blocks. */
function imageSumsBlocked(x: Tensor): Tensor {
	const { gpu } = x;
	const [batch, channels, height, width] = x.shape;
	const out = gpu.empty([batch, channels]);
	const sizes = gpu.uniform(Uint32Array.of(batch, channels, height * width));
	launchElements(imageSumsKernel, blocksOf(batch) * channels * (blockSize / 4), [blockedStorage(x), out, sizes]);
	return out;
}

function check(name: string, x: Tensor, { plus, bias }: GatedActivationOptions): Shape {
	checkTensor(name, "x", x, "float32");
	checkRank(name, "x", x.shape, 4, "[B, 2C, H, W]");
	const [batch, channels, height, width] = x.shape;
	if (channels % 2 !== 0)
		throw new ShapeError(`${name}: shape ${formatShape(x.shape)} must have an even number of channels.`);
	for (const [what, tensor, shape] of [
		["plus", plus, x.shape],
		["bias", bias, [batch, channels]],
	] as const) {
		if (tensor === undefined) continue;
		checkTensor(name, what, tensor, "float32");
		if (!sameShape(tensor.shape, shape))
			throw new ShapeError(`${name}: ${what} must be ${formatShape(shape)}, but has ${formatShape(tensor.shape)}.`);
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
	const blocked = [x, plus].some((tensor) => tensor !== undefined && tensor.blocked !== null);
	const kernels = blocked
		? { forward: gatedActivationBlockedKernel, backward: gatedActivationGradBlockedKernel, perInvocation: 4 }
		: { forward: gatedActivationKernel, backward: gatedActivationGradKernel, perInvocation: 1 };
	const constants: Constants = {
		CHANNELS: channels,
		PLANE: height * width,
		PLUS: plus === undefined ? 0 : 1,
		BIAS: bias === undefined ? 0 : 1,
	};
	const storageOf = (tensor: Tensor) => (blocked ? blockedStorage(tensor) : tensor.storage);
	const made = (shape: Shape): { tensor: Tensor; storage: Storage } => {
		if (blocked) return emptyBlocked(gpu, shape);
		const tensor = gpu.empty(shape);
		return { tensor, storage: tensor.storage };
	};
	const run = (kernel: Kernel, others: readonly Storage[], elements: Storage) => {
		const storage = storageOf(x);
		gpu.launch(kernel, {
			constants,
			bindings: [
				storage,
				plus === undefined ? storage : storageOf(plus),
				bias === undefined ? storage : storageOf(bias.share([...bias.shape, 1, 1])),
				...others,
			],
			workgroups: Math.ceil(elements.bytes / (256 * kernels.perInvocation)),
		});
	};

	const output = gpu.scope(() => {
		const { tensor, storage } = made(to);
		run(kernels.forward, [storage], storage);
		return tensor;
	});
	const sources = [x, ...(plus === undefined ? [] : [plus]), ...(bias === undefined ? [] : [bias])];
	return record(name, output, sources, sources, (dy) =>
		gpu.scope(() => {
			const { tensor: dx, storage } = made(x.shape);
			const gradient = storageOf(dy);
			run(kernels.backward, [gradient, storage], gradient);
			const [batch, both] = x.shape;
			const biasGradient = () =>
				blocked ? imageSumsBlocked(dx) : sumOver(dx, { k1: batch * both, r2: height * width }, [batch, both]);
			return [
				x.requiresGrad ? dx : null,
				...(plus === undefined ? [] : [plus.requiresGrad ? dx.share() : null]),
				...(bias === undefined ? [] : [bias.requiresGrad ? biasGradient() : null]),
			];
		}),
	);
}
