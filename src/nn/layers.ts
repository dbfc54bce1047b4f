import { checkInstance, checkNumber } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { checkShape, type Shape } from "../base/shape.js";
import { checkBindable, checkGpu } from "../ops/check.js";
import { embedding } from "../ops/embedding.js";
import { relu } from "../ops/relu.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { Layer, type LayerCost, Module } from "./module.js";

/**
 * The checks that layers with parameters have in common.
 *
 * @param others the arguments after `gpu` and `random`, as one writes them
 * @param sizes those that must be whole numbers of at least 1
 */
export function checkLayer(
	name: string,
	others: string,
	gpu: unknown,
	random: unknown,
	sizes: Readonly<Record<string, unknown>>,
): void {
	const form = `write new ${name}(gpu, new Random(seed), ${others})`;
	checkGpu(name, gpu, form);
	checkInstance(name, "random", random, Random, "a Random", form);
	for (const [size, value] of Object.entries(sizes)) checkNumber(name, size, value, { least: 1, whole: true });
}

/** torch.nn.ReLU */
export class ReLU extends Layer {
	static override readonly name: string = "ReLU";

	override forward(x: Tensor): Tensor {
		return relu(x);
	}

	override cost(input: Shape): LayerCost {
		checkShape("ReLU.cost", input, "input");
		return { output: input, multiplyAdds: 0 };
	}
}

/** torch.nn.Embedding: `count` vectors of `dimensions` numbers, which start at N(0, 1). */
export class Embedding extends Module {
	static override readonly name: string = "Embedding";

	readonly weight: Parameter;

	constructor(gpu: Gpu, random: Random, count: number, dimensions: number) {
		super();
		checkLayer("Embedding", "count, dimensions", gpu, random, { count, dimensions });
		checkBindable("Embedding", "count and dimensions", gpu, [count, dimensions]);
		const values = Float32Array.from({ length: count * dimensions }, () => random.normal());
		this.weight = gpu.parameter(values, [count, dimensions]);
	}

	/** indices, any shape → [...indices.shape, D]; with layout "NCHW" [B, H, W] → [B, D, H, W]. */
	forward(indices: Tensor<"uint32"> | Tensor<"int32">, options?: Parameters<typeof embedding>[2]): Tensor {
		return embedding(indices, this.weight, options);
	}

	override cost(input: Shape): LayerCost {
		checkShape("Embedding.cost", input, "input");
		return { output: [...input, this.weight.shape[1]], multiplyAdds: 0 };
	}
}
