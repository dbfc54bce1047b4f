import { checkFlag, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { checkBindable } from "../ops/check.js";
import { linear } from "../ops/linear.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { checkLayer, type LayerOptions, uniformParameter } from "./layers.js";
import { Layer, type LayerCost } from "./module.js";

export interface LinearOptions extends LayerOptions {
	/** Whether it has a bias (default true). */
	readonly bias?: boolean;
}

/**
 * torch.nn.Linear: x · weightᵀ + bias. Both start at U(±1/√inFeatures).
 *
 * float32 [..., inFeatures] → float32 [..., outFeatures]
 *
 * @example
 * const layer = new Linear(gpu, 784, 10);
 * const logits = layer.forward(x); // [N, 784] → [N, 10]
 */
export class Linear extends Layer {
	static override readonly name: string = "Linear";

	/** float32 [outFeatures, inFeatures] */
	readonly weight: Parameter;
	/** float32 [outFeatures] */
	readonly bias: Parameter | undefined;

	/** @throws ArgumentError if an argument is out of range, LimitError if the device cannot bind the weight */
	constructor(gpu: Gpu, inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
		super();
		checkOptions("Linear", options, ["bias", "random"]);
		const random = checkLayer("Linear", "inFeatures, outFeatures", gpu, options, { inFeatures, outFeatures });
		const { bias = true } = options;
		checkFlag("Linear", "bias", bias);
		checkBindable("Linear", "inFeatures and outFeatures", gpu, [outFeatures, inFeatures]);
		const bound = 1 / Math.sqrt(inFeatures);
		this.weight = uniformParameter(gpu, random, [outFeatures, inFeatures], bound);
		this.bias = bias ? uniformParameter(gpu, random, [outFeatures], bound) : undefined;
	}

	override forward(x: Tensor): Tensor {
		return linear(x, this.weight, this.bias);
	}

	override cost(input: Shape): LayerCost {
		checkShape("Linear.cost", input, "input");
		const [outFeatures, inFeatures] = this.weight.shape;
		if (input.at(-1) !== inFeatures)
			throw new ShapeError(`Linear.cost: input must be [..., ${inFeatures}], but is ${formatShape(input)}.`);
		const output = [...input.slice(0, -1), outFeatures];
		return { output, multiplyAdds: sizeOf(output) * inFeatures };
	}
}
