import { checkArray, wrongArgument } from "../base/arguments.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { ReLU } from "./layers.js";
import { Layer, type LayerCost, type Module } from "./module.js";

/**
 * torch.nn.Sequential: layers one after the other, and functions of a tensor. A ReLU is fused with the layer
 * before it. The layers' names in the state dict are their positions.
 *
 * @example
 * const model = new Sequential([
 * 	new Conv2d(gpu, 1, 8, 3, { padding: 1 }),
 * 	new ReLU(),
 * 	new Conv2d(gpu, 8, 1, 3, { padding: 1 }),
 * 	(x) => clamp(x, { min: 0, max: 1 }),
 * ]);
 * const y = model.forward(gpu.tensor(pixels, [16, 1, 28, 28]));
 */
export class Sequential extends Layer {
	static override readonly name: string = "Sequential";

	/** Functions are layers too, of a class of their own. */
	readonly layers: readonly Layer[];

	/** @throws ArgumentError unless there is at least one layer, and each is a Layer or a function */
	constructor(layers: readonly (Layer | ((x: Tensor) => Tensor))[]) {
		super();
		checkArray("Sequential", "layers", layers, "an array of layers", "write new Sequential([first, second])");
		for (const [i, layer] of layers.entries())
			if (!(layer instanceof Layer) && (typeof layer !== "function" || isClass(layer)))
				throw wrongArgument("Sequential", `layers[${i}]`, "a Layer or a function of a tensor", layer);
		if (layers.length === 0) throw wrongArgument("Sequential", "layers", "an array of at least one layer", layers);
		this.layers = layers.map((layer) => (layer instanceof Layer ? layer : new FunctionLayer(layer)));
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

/** A function in a `Sequential`. */
class FunctionLayer extends Layer {
	static override readonly name: string = "FunctionLayer";

	constructor(private readonly call: (x: Tensor) => Tensor) {
		super();
	}

	override forward(x: Tensor): Tensor {
		const { call } = this;
		return call(x);
	}
}

/** Whether a function can be called with `new` alone. */
function isClass(value: unknown): boolean {
	return /^class\b/.test(Function.prototype.toString.call(value));
}
