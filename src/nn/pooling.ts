import { checkOptions } from "../base/arguments.js";
import { checkShape, type Shape } from "../base/shape.js";
import { checkRank, type Pair } from "../ops/check.js";
import {
	type AvgPoolOptions,
	avgPool2d,
	avgPoolOptions,
	type InterpolateOptions,
	interpolate,
	type MaxPoolOptions,
	maxPool2d,
	maxPoolOptions,
	planInterpolation,
	planPool,
} from "../ops/pooling.js";
import type { Tensor } from "../tensor/tensor.js";
import { Layer, type LayerCost } from "./module.js";

/** An image on which the options of a layer are tried. */
const anyImage = [1, 1, 2 ** 20, 2 ** 20] as const;

/** torch.nn.MaxPool2d: see `maxPool2d`. */
export class MaxPool2d extends Layer {
	static override readonly name: string = "MaxPool2d";

	/** @throws ArgumentError if an argument is out of range */
	constructor(
		readonly kernelSize: Pair,
		readonly options: MaxPoolOptions = {},
	) {
		super();
		checkOptions("MaxPool2d", options, maxPoolOptions);
		planPool("MaxPool2d", anyImage, kernelSize, options);
	}

	override forward(x: Tensor): Tensor {
		return maxPool2d(x, this.kernelSize, this.options);
	}

	override cost(input: Shape): LayerCost {
		checkShape("MaxPool2d.cost", input, "input");
		return { output: planPool("MaxPool2d.cost", input, this.kernelSize, this.options).output, multiplyAdds: 0 };
	}
}

/** torch.nn.AvgPool2d: see `avgPool2d`. */
export class AvgPool2d extends Layer {
	static override readonly name: string = "AvgPool2d";

	/** @throws ArgumentError if an argument is out of range */
	constructor(
		readonly kernelSize: Pair,
		readonly options: AvgPoolOptions = {},
	) {
		super();
		checkOptions("AvgPool2d", options, avgPoolOptions);
		planPool("AvgPool2d", anyImage, kernelSize, options);
	}

	override forward(x: Tensor): Tensor {
		return avgPool2d(x, this.kernelSize, this.options);
	}

	override cost(input: Shape): LayerCost {
		checkShape("AvgPool2d.cost", input, "input");
		return { output: planPool("AvgPool2d.cost", input, this.kernelSize, this.options).output, multiplyAdds: 0 };
	}
}

/** torch.nn.Upsample: see `interpolate`. */
export class Upsample extends Layer {
	static override readonly name: string = "Upsample";

	/** @throws ArgumentError if the options are wrong */
	constructor(readonly options: InterpolateOptions) {
		super();
		planInterpolation("Upsample", [2 ** 20, 2 ** 20], options);
	}

	override forward(x: Tensor): Tensor {
		return interpolate(x, this.options);
	}

	override cost(input: Shape): LayerCost {
		checkShape("Upsample.cost", input, "input");
		checkRank("Upsample.cost", "input", input, 4, "[N, C, H, W]");
		const [batch, channels, height, width] = input;
		const { size } = planInterpolation("Upsample.cost", [height, width], this.options);
		return { output: [batch, channels, ...size], multiplyAdds: 0 };
	}
}
