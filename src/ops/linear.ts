import { readsOfProduct, record } from "../autograd/tape.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";
import { checkRank, commonGpu } from "./check.js";
import { type Factor, launchProducts, productGradients } from "./products.js";
import { sumToShape } from "./sum.js";

/**
 * x · weightᵀ + bias, as torch.nn.functional.linear.
 *
 * @param x      float32 [..., in]
 * @param weight float32 [out, in]
 * @param bias   float32 [out]
 * @returns float32 [..., out]
 * @throws ShapeError if the shapes do not match, DTypeError, DeviceMismatchError
 * @example
 * const y = relu(linear(x, weight, bias));
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
	const name = "linear";
	checkTensor(name, "x", x, "float32");
	checkTensor(name, "weight", weight, "float32");
	if (bias !== undefined) checkTensor(name, "bias", bias, "float32");
	const gpu = commonGpu(name, x, weight, bias);
	checkRank(name, "weight", weight.shape, 2, "a matrix [out, in]");
	const [outFeatures, inFeatures] = weight.shape;
	if (x.shape.at(-1) !== inFeatures)
		throw new ShapeError(
			`linear: x must be [..., ${inFeatures}] for weight ${formatShape(weight.shape)}, but has shape ${formatShape(x.shape)}.`,
		);
	if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== outFeatures))
		throw new ShapeError(
			`linear: bias must be [${outFeatures}] for weight ${formatShape(weight.shape)}, but has shape ${formatShape(bias.shape)}.`,
		);
	const rows: Factor = { x, count: 1, rows: x.size / inFeatures, columns: inFeatures, transposed: false };
	const by: Factor = { x: weight, count: 1, rows: outFeatures, columns: inFeatures, transposed: true };
	const out = gpu.scope(() => {
		const product = launchProducts(rows, by, [...x.shape.slice(0, -1), outFeatures]);
		return bias === undefined ? product : launchBinary("add", product, bias);
	});
	const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
	return record(name, out, inputs, readsOfProduct(x, weight), (gradient) => {
		const gradients = productGradients(rows, by, gradient);
		return [
			x.requiresGrad ? gradients.a(x.shape) : null,
			weight.requiresGrad ? gradients.b(weight.shape) : null,
			...(bias === undefined ? [] : [bias.requiresGrad ? sumToShape(gradient.share(), bias.shape) : null]),
		];
	});
}
