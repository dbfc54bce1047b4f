import { checkArray, checkInstance, wrongArgument } from "../base/arguments.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { ReLU } from "./layers.js";
import { Layer, type LayerCost, type Module } from "./module.js";

/**
 * torch.nn.Sequential: layers one after the other. A ReLU is fused with the layer before it. The layers'
 * names in the state dict are their positions.
 *
 * @example
 * const random = new Random(0);
 * const model = new Sequential([
 * 	new Conv2d(gpu, random, 1, 8, 3, { padding: 1 }),
 * 	new ReLU(),
 * 	new Conv2d(gpu, random, 8, 1, 3, { padding: 1 }),
 * ]);
 * const y = model.forward(gpu.tensor(pixels, [16, 1, 28, 28]));
 */
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
