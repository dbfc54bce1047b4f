import { checkInstance, checkNumber, checkOptions } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { checkShape, type Shape, sizeOf } from "../base/shape.js";
import { checkBindable, checkGpu } from "../ops/check.js";
import { embedding } from "../ops/embedding.js";
import { relu } from "../ops/relu.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { Layer, type LayerCost, Module } from "./module.js";

/** What every layer that draws its first weights takes. */
export interface LayerOptions {
	/** Draws the first weights, or its seed (default: `gpu.random`, which `gpu.manualSeed` seeds). */
	readonly random?: Random | number | undefined;
}

/**
 * Checks the arguments of a layer with parameters.
 *
 * @param others the arguments after `gpu`, as in a call
 * @param sizes arguments that must be whole numbers of at least 1
 * @returns what draws the first weights
 * @throws ArgumentError
 */
export function checkLayer(
	name: string,
	others: string,
	gpu: Gpu,
	{ random }: LayerOptions,
	sizes: Readonly<Record<string, unknown>>,
): Random {
	checkGpu(name, gpu, `write new ${name}(gpu, ${others})`);
	for (const [size, value] of Object.entries(sizes)) checkNumber(name, size, value, { least: 1, whole: true });
	return randomOf(name, gpu, random);
}

/** @throws ArgumentError unless it is a Random or a seed */
export function randomOf(name: string, gpu: Gpu, random: unknown): Random {
	if (random === undefined) return gpu.random;
	if (typeof random === "number") return new Random(checkNumber(name, "random", random, { whole: true }));
	checkInstance(name, "random", random, Random, "a Random or a seed");
	return random as Random;
}

/** A parameter whose elements are drawn from U(−bound, bound). */
export function uniformParameter(gpu: Gpu, random: Random, shape: Shape, bound: number): Parameter {
	return gpu.parameter(
		Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-bound, bound)),
		shape,
	);
}

/** torch.nn.ReLU: max(x, 0). NaN stays NaN. */
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

/** torch.nn.Embedding: a table of vectors, initialised from N(0, 1). */
export class Embedding extends Module {
	static override readonly name: string = "Embedding";

	/** float32 [count, dimensions] */
	readonly weight: Parameter;

	/**
	 * @param count the number of vectors
	 * @param dimensions the length of a vector
	 * @throws ArgumentError if a size is out of range, LimitError if the device cannot bind the table
	 */
	constructor(gpu: Gpu, count: number, dimensions: number, options: LayerOptions = {}) {
		super();
		checkOptions("Embedding", options, ["random"]);
		const random = checkLayer("Embedding", "count, dimensions", gpu, options, { count, dimensions });
		checkBindable("Embedding", "count and dimensions", gpu, [count, dimensions]);
		const values = Float32Array.from({ length: count * dimensions }, () => random.normal());
		this.weight = gpu.parameter(values, [count, dimensions]);
	}

	/**
	 * The vectors of the indices; see the operation `embedding`.
	 *
	 * @param indices uint32 or int32, any shape; with `layout: "NCHW"` [B, H, W]
	 * @returns float32 [...indices.shape, dimensions]; with `layout: "NCHW"` [B, dimensions, H, W]
	 */
	forward(indices: Tensor<"uint32"> | Tensor<"int32">, options?: Parameters<typeof embedding>[2]): Tensor {
		return embedding(indices, this.weight, options);
	}

	override cost(input: Shape): LayerCost {
		checkShape("Embedding.cost", input, "input");
		return { output: [...input, this.weight.shape[1]], multiplyAdds: 0 };
	}
}
