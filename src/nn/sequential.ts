import { checkArray, checkInstance, wrongArgument } from "../base/arguments.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { ReLU } from "./layers.js";
import { Layer, type LayerCost, type Module } from "./module.js";

/** Layers one after the other, a ReLU in one pass with what comes before it; their names are their positions. */
export class Sequential extends Layer {
	static override readonly name: string = "Sequential";

	constructor(readonly layers: readonly Layer[]) {
		super();
		checkArray("Sequential", "layers", layers, "an array of layers", "write new Sequential([first, second])");
		for (const [i, layer] of layers.entries()) checkInstance("Sequential", `layers[${i}]`, layer, Layer, "a Layer");
		if (layers.length === 0) throw wrongArgument("Sequential", "layers", "an array of at least one layer", layers);
	}

	override children(): [string, Module][] {
		return this.layers.map((layer, i) => [`${i}`, layer]);
	}

	override forward(x: Tensor): Tensor {
		let value = x;
		for (let i = 0; i < this.layers.length; i++) {
			if (this.layers[i + 1]?.constructor === ReLU) value = this.layers[i++].forwardRelu(value);
			else value = this.layers[i].forward(value);
		}
		return value;
	}

	override cost(input: Shape): LayerCost {
		return this.layers.reduce<LayerCost>(
			({ output, multiplyAdds }, layer) => {
				const next = layer.cost(output);
				return { output: next.output, multiplyAdds: multiplyAdds + next.multiplyAdds };
			},
			{ output: input, multiplyAdds: 0 },
		);
	}
}
