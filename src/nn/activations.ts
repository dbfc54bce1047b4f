import { checkFlag, checkNumber, checkOptions } from "../base/arguments.js";
import { checkShape, type Shape, sizeOf } from "../base/shape.js";
import { checkDropout, dropout } from "../ops/dropout.js";
import { flatten } from "../ops/reshape.js";
import {
	checkGELUOptions,
	type GELUOptions,
	gelu,
	type LeakyReLUOptions,
	leakyRelu,
	sigmoid,
	silu,
	tanh,
} from "../ops/unary.js";
import type { Tensor } from "../tensor/tensor.js";
import { Layer, type LayerCost } from "./module.js";

/** A layer without parameters whose output has the shape of its input. */
abstract class ElementwiseLayer extends Layer {
	override cost(input: Shape): LayerCost {
		checkShape(`${this.constructor.name}.cost`, input, "input");
		return { output: input, multiplyAdds: 0 };
	}
}

/** torch.nn.Sigmoid: 1 / (1 + e⁻ˣ). */
export class Sigmoid extends ElementwiseLayer {
	static override readonly name: string = "Sigmoid";

	override forward(x: Tensor): Tensor {
		return sigmoid(x);
	}
}

/** torch.nn.Tanh: the hyperbolic tangent. */
export class Tanh extends ElementwiseLayer {
	static override readonly name: string = "Tanh";

	override forward(x: Tensor): Tensor {
		return tanh(x);
	}
}

/** torch.nn.SiLU: x · sigmoid(x). */
export class SiLU extends ElementwiseLayer {
	static override readonly name: string = "SiLU";

	override forward(x: Tensor): Tensor {
		return silu(x);
	}
}

/** torch.nn.GELU: x · Φ(x); see `gelu`. */
export class GELU extends ElementwiseLayer {
	static override readonly name: string = "GELU";

	/** @throws ArgumentError */
	constructor(readonly options: GELUOptions = {}) {
		super();
		checkGELUOptions("GELU", options);
	}

	override forward(x: Tensor): Tensor {
		return gelu(x, this.options);
	}
}

/** torch.nn.LeakyReLU: x, and negativeSlope · x if x is negative. */
export class LeakyReLU extends ElementwiseLayer {
	static override readonly name: string = "LeakyReLU";

	/** @throws ArgumentError */
	constructor(readonly options: LeakyReLUOptions = {}) {
		super();
		checkOptions("LeakyReLU", options, ["negativeSlope"]);
		if (options.negativeSlope !== undefined) checkNumber("LeakyReLU", "negativeSlope", options.negativeSlope);
	}

	override forward(x: Tensor): Tensor {
		return leakyRelu(x, this.options);
	}
}

export interface DropoutLayerOptions {
	/** The probability that an element is dropped, in [0, 1) (default 0.5). */
	readonly p?: number;
}

/**
 * torch.nn.Dropout: see `dropout`. In evaluation, after `eval()`, it returns its input.
 *
 * Which elements are dropped depends on `gpu.manualSeed` and on what was drawn since then.
 */
export class Dropout extends ElementwiseLayer {
	static override readonly name: string = "Dropout";

	readonly p: number;

	/** @throws ArgumentError if p is out of range */
	constructor(options: DropoutLayerOptions = {}) {
		super();
		checkOptions("Dropout", options, ["p"]);
		const { p = 0.5 } = options;
		checkDropout("Dropout", "p", p);
		this.p = p;
	}

	override forward(x: Tensor): Tensor {
		checkFlag("Dropout", "training", this.training);
		return dropout(x, { p: this.p, training: this.training });
	}
}

/** torch.nn.Flatten: the axes from startAxis (default 1) to endAxis (default −1) as one. */
export class Flatten extends Layer {
	static override readonly name: string = "Flatten";

	/** @throws ArgumentError unless they are whole numbers */
	constructor(
		readonly startAxis = 1,
		readonly endAxis = -1,
	) {
		super();
		checkNumber("Flatten", "startAxis", startAxis, { whole: true });
		checkNumber("Flatten", "endAxis", endAxis, { whole: true });
	}

	override forward(x: Tensor): Tensor {
		return flatten(x, this.startAxis, this.endAxis);
	}

	override cost(input: Shape): LayerCost {
		checkShape("Flatten.cost", input, "input");
		const [start, end] = [this.startAxis, this.endAxis].map((axis) => (axis < 0 ? axis + input.length : axis));
		const merged = sizeOf(input.slice(start, end + 1));
		return { output: input.toSpliced(start, end + 1 - start, merged), multiplyAdds: 0 };
	}
}
