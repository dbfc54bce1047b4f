import codebookGradKernel from "../../../kernels/codebook_grad.wgsl";
import quantizeKernel from "../../../kernels/quantize.wgsl";
import { record } from "../../autograd/tape.js";
import { checkNumber, checkOptions } from "../../base/arguments.js";
import { ShapeError } from "../../base/errors.js";
import { formatShape, sameShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import { wordsOf } from "../../tensor/layout.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkRank, commonGpu } from "../check.js";
import { launchElements } from "../launch.js";
import { launchLossSums } from "../loss_sums.js";
import { launchMSEGradient } from "../mse_loss.js";
import { launchCodeSums } from "./code_sums.js";
import { straightThrough } from "./straight_through.js";

/** Elements that a workgroup sums up. */
const chunk = 4096;

export interface QuantizeOptions {
	/** β, the weight of the loss that keeps the latents near the codes (default 0.25). */
	readonly commitmentCost?: number;
	/** The weight of the loss that moves the codes to their latents (default 1); 0 for codes that are moving averages. */
	readonly codebookCost?: number;
}

/** The result of `quantize`. */
export interface QuantizedLatents {
	/** The codes that the indices name, of z's shape; their gradient is passed to z unchanged. */
	readonly quantized: Tensor;
	/** γ · mse(quantized, sg[z]) + β · mse(z, sg[quantized]), a scalar: it moves the codes and z; γ is the codebook cost. */
	readonly loss: Tensor;
	/** mse(z, sg[quantized]), a scalar; its gradient is z's. */
	readonly commitmentLoss: Tensor;
}

/**
 * Replaces latents by the codes that the indices name, with the losses of a VQ-VAE (van den Oord et al., "Neural discrete
 * representation learning", 2017, equation 3): `embedding`, `straightThrough` and two `mseLoss`es in one pass, and their
 * gradients in three. The gradients are 2β(z − e)/n for z, and for code k the sum over its latents of 2γ(e_k − z)/n, with n
 * the number of elements of z and γ the codebook cost. An index outside [0, K) gives zeros and no gradient to a code.
 *
 * @param z float32 [N, D], or [B, D, H, W] whose vectors are along the channel axis
 * @param codebook float32 [K, D]
 * @param indices uint32 or int32 [N], or [B, H, W]
 * @throws ShapeError, DTypeError, DeviceMismatchError, ArgumentError if a cost is below 0
 */
export function quantize(
	z: Tensor,
	codebook: Tensor,
	indices: Tensor<"uint32"> | Tensor<"int32">,
	options: QuantizeOptions = {},
): QuantizedLatents {
	const name = "quantize";
	checkTensor(name, "z", z, "float32");
	checkTensor(name, "codebook", codebook, "float32");
	checkTensor(name, "indices", indices, "uint32", "int32");
	const gpu = commonGpu(name, z, codebook, indices);
	checkOptions(name, options, ["commitmentCost", "codebookCost"]);
	const { commitmentCost = 0.25, codebookCost = 1 } = options;
	checkNumber(name, "commitmentCost", commitmentCost, { least: 0 });
	checkNumber(name, "codebookCost", codebookCost, { least: 0 });
	checkRank(name, "codebook", codebook.shape, 2, "[K, D]");
	const [codes, dimensions] = codebook.shape;
	if ((z.shape.length !== 2 && z.shape.length !== 4) || z.shape[1] !== dimensions)
		throw new ShapeError(
			`quantize: z must be [N, ${dimensions}] or [B, ${dimensions}, H, W] for a codebook ${formatShape(codebook.shape)}, but has shape ${formatShape(z.shape)}.`,
		);
	const positions = z.shape.toSpliced(1, 1);
	if (!sameShape(positions, indices.shape))
		throw new ShapeError(
			`quantize: indices must be ${formatShape(positions)} for z ${formatShape(z.shape)}, but have shape ${formatShape(indices.shape)}.`,
		);

	const factor = 2 / z.size;
	const constants = { CODES: codes, DIMENSIONS: dimensions, INNER: indices.size / z.shape[0] };
	const { codesOfZ, mean, total } = gpu.scope(() => {
		const { layout } = z;
		const codesOfZ = gpu.empty(z.shape, "float32", layout);
		const words = wordsOf(z.shape, layout);
		const workgroups = Math.ceil(words / chunk);
		const partial = gpu.empty([workgroups, 64]);
		gpu.launch(quantizeKernel, {
			constants: { ...constants, CHUNK: chunk, BLOCKED: layout === "blocked" ? 1 : 0 },
			bindings: [z.memory(layout), indices.memory(), codebook.memory(), codesOfZ.memory(layout), partial.memory()],
			workgroups,
		});
		return { codesOfZ, ...launchLossSums(partial, 1 / z.size, codebookCost + commitmentCost) };
	});
	const quantized = straightThrough(z, codesOfZ);
	codesOfZ.dispose();

	const gradientOfZ = (weight: number, gradient: Tensor, sofar: Tensor | undefined) =>
		launchMSEGradient(z, quantized, quantized.layout, gradient, weight * factor, sofar);
	const gradientOfCodebook = (gradient: Tensor) =>
		gpu.scope(() => {
			const de = gpu.empty(codebook.shape);
			const { partial, splits } = launchCodeSums(z, indices, codes);
			launchElements(codebookGradKernel, de.size, [codebook, partial, gradient, de], {
				uniforms: { codes, dimensions, splits, factor: codebookCost * factor },
			});
			return de;
		});
	return {
		quantized,
		loss: record(name, total, [z, codebook], [z, quantized, codebook, indices], (gradient, take) => [
			z.requiresGrad ? gradientOfZ(commitmentCost, gradient, take(0)) : null,
			codebook.requiresGrad && codebookCost > 0 ? gradientOfCodebook(gradient) : null,
		]),
		commitmentLoss: record(name, mean, [z], [z, quantized], (gradient, take) => [gradientOfZ(1, gradient, take(0))]),
	};
}
