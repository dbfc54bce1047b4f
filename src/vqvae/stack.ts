import type { Shape } from "../base/shape.js";
import { Layer, type LayerCost } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import type { Tensor } from "../tensor/tensor.js";

/** Layers one after the other, in the state dict under `convs`: an encoder, a decoder or a residual block. */
export abstract class Stack extends Layer {
	readonly convs: Sequential;

	constructor(layers: readonly Layer[]) {
		super();
		this.convs = new Sequential(layers);
	}

	override forward(x: Tensor): Tensor {
		return this.convs.forward(x);
	}

	override cost(input: Shape): LayerCost {
		return this.convs.cost(input);
	}
}
