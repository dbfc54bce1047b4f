import { checkInstance, checkNumber, checkOptions } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { checkShape, type Shape, sizeOf } from "../base/shape.js";
import { checkBindable, checkGpu, type Pair, pair } from "../ops/check.js";
import {
	type ConvTranspose2dOptions,
	convTranspose2d,
	convTranspose2dOptions,
	convTranspose2dShape,
} from "../ops/convolution/conv_transpose2d.js";
import { type Conv2dOptions, conv2d, conv2dOptions, conv2dShape } from "../ops/convolution/conv2d.js";
import { checkGroups, geometryOf } from "../ops/convolution/options.js";
import { embedding } from "../ops/embedding.js";
import { relu } from "../ops/relu.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { Layer, type LayerCost, Module } from "./module.js";

/** A parameter drawn from U(−bound, bound). */
function uniform(caller: string, gpu: Gpu, random: Random, shape: Shape, bound: number): Parameter {
	checkBindable(caller, "inChannels, outChannels and kernelSize", gpu, shape);
	return gpu.parameter(
		Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-bound, bound)),
		shape,
	);
}

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

function withoutBias(options: readonly string[]): readonly string[] {
	return options.filter((name) => name !== "bias");
}

/**
 * torch.nn.Conv2d with a bias; weight and bias start at U(±1/√fan_in), fan_in = in/groups · kH · kW.
 */
export class Conv2d extends Layer {
	static override readonly name: string = "Conv2d";

	readonly weight: Parameter;
	readonly bias: Parameter;

	constructor(
		gpu: Gpu,
		random: Random,
		inChannels: number,
		outChannels: number,
		kernelSize: Pair,
		readonly options: Omit<Conv2dOptions, "bias"> = {},
	) {
		super();
		checkLayer("Conv2d", "inChannels, outChannels, kernelSize", gpu, random, { inChannels, outChannels });
		const kernel = pair("Conv2d", "kernelSize", kernelSize, 1);
		checkOptions("Conv2d", options, withoutBias(conv2dOptions));
		const { groups } = geometryOf("Conv2d", options);
		if (options.paddingEnd !== undefined) pair("Conv2d", "paddingEnd", options.paddingEnd, Number.MIN_SAFE_INTEGER);
		checkGroups("Conv2d", groups, inChannels, outChannels);
		const shape = [outChannels, inChannels / groups, ...kernel];
		const bound = 1 / Math.sqrt(sizeOf(shape) / outChannels);
		this.weight = uniform(this.constructor.name, gpu, random, shape, bound);
		this.bias = uniform(this.constructor.name, gpu, random, [outChannels], bound);
	}

	override forward(x: Tensor): Tensor {
		return conv2d(x, this.weight, { ...this.options, bias: this.bias });
	}

	override forwardRelu(x: Tensor): Tensor {
		if (this.options.activation !== undefined) return super.forwardRelu(x);
		return conv2d(x, this.weight, { ...this.options, bias: this.bias, activation: "relu" });
	}

	override cost(input: Shape): LayerCost {
		checkShape("Conv2d.cost", input, "input");
		const output = conv2dShape(input, this.weight.shape, this.options);
		return { output, multiplyAdds: (sizeOf(output) * this.weight.size) / output[1] };
	}
}

/**
 * torch.nn.ConvTranspose2d with a square kernel and a bias; both start at U(±1/√fan_in), where PyTorch takes fan_in
 * from the weight's second axis: out/groups · k².
 */
export class ConvTranspose2d extends Layer {
	static override readonly name: string = "ConvTranspose2d";

	readonly weight: Parameter;
	readonly bias: Parameter;

	constructor(
		gpu: Gpu,
		random: Random,
		inChannels: number,
		outChannels: number,
		kernelSize: number,
		readonly options: Omit<ConvTranspose2dOptions, "bias"> = {},
	) {
		super();
		const name = "ConvTranspose2d";
		checkLayer(name, "inChannels, outChannels, kernelSize", gpu, random, { inChannels, outChannels, kernelSize });
		checkOptions(name, options, withoutBias(convTranspose2dOptions));
		const { groups } = geometryOf(name, options);
		if (options.outputPadding !== undefined) pair(name, "outputPadding", options.outputPadding, 0);
		checkGroups(name, groups, inChannels, outChannels);
		const shape = [inChannels, outChannels / groups, kernelSize, kernelSize];
		const bound = 1 / Math.sqrt(sizeOf(shape) / inChannels);
		this.weight = uniform(this.constructor.name, gpu, random, shape, bound);
		this.bias = uniform(this.constructor.name, gpu, random, [outChannels], bound);
	}

	override forward(x: Tensor): Tensor {
		return convTranspose2d(x, this.weight, { ...this.options, bias: this.bias });
	}

	override forwardRelu(x: Tensor): Tensor {
		if (this.options.activation !== undefined) return super.forwardRelu(x);
		return convTranspose2d(x, this.weight, { ...this.options, bias: this.bias, activation: "relu" });
	}

	override cost(input: Shape): LayerCost {
		checkShape("ConvTranspose2d.cost", input, "input");
		const output = convTranspose2dShape(input, this.weight.shape, this.options);
		return { output, multiplyAdds: (sizeOf(input) * this.weight.size) / input[1] };
	}
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
