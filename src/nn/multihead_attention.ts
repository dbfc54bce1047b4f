import { checkFlag, checkOptions } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape } from "../base/shape.js";
import { type AttentionOptions, scaledDotProductAttention } from "../ops/attention/scaled_dot_product_attention.js";
import { checkBindable } from "../ops/check.js";
import { linear } from "../ops/linear.js";
import { permute } from "../ops/permute.js";
import { reshape } from "../ops/reshape.js";
import { slice } from "../ops/slice.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { checkLayer, uniformParameter } from "./layers.js";
import { Linear, type LinearOptions } from "./linear.js";
import { Layer, type LayerCost } from "./module.js";

const name = "MultiheadAttention";

/**
 * torch.nn.MultiheadAttention with batch_first: queries, keys and values are projected and split into heads,
 * `scaledDotProductAttention` computes each head, and their outputs are joined and projected.
 *
 * As in PyTorch inProjWeight starts at Xavier's uniform distribution, outProj.weight at U(±1/√embedDim), and
 * the biases at 0.
 *
 * @example
 * const attention = new MultiheadAttention(gpu, 64, 8);
 * const y = attention.forward(x, x, x, { causal: true }); // [N, L, 64]
 */
export class MultiheadAttention extends Layer {
	static override readonly name: string = name;

	/** float32 [3 · embedDim, embedDim]: the projections of queries, keys and values */
	readonly inProjWeight: Parameter;
	/** float32 [3 · embedDim] */
	readonly inProjBias: Parameter | undefined;
	readonly outProj: Linear;

	/**
	 * @param embedDim a multiple of numHeads
	 * @throws ArgumentError if an argument is out of range, LimitError if the device cannot bind the weight
	 */
	constructor(
		gpu: Gpu,
		embedDim: number,
		readonly numHeads: number,
		options: LinearOptions = {},
	) {
		super();
		checkOptions(name, options, ["bias", "random"]);
		const random = checkLayer(name, "embedDim, numHeads", gpu, options, { embedDim, numHeads });
		const { bias = true } = options;
		checkFlag(name, "bias", bias);
		if (embedDim % numHeads !== 0)
			throw new ArgumentError(`${name}: embedDim must be a multiple of numHeads ${numHeads}, but is ${embedDim}.`);
		checkBindable(name, "embedDim", gpu, [3 * embedDim, embedDim]);
		this.inProjWeight = uniformParameter(gpu, random, [3 * embedDim, embedDim], Math.sqrt(1.5 / embedDim));
		this.inProjBias = bias ? gpu.parameter(new Float32Array(3 * embedDim), [3 * embedDim]) : undefined;
		this.outProj = new Linear(gpu, embedDim, embedDim, { bias, random });
		if (this.outProj.bias !== undefined) gpu.upload(this.outProj.bias, new Float32Array(embedDim));
	}

	/**
	 * @param query   float32 [N, L, embedDim]
	 * @param key     float32 [N, S, embedDim] (default: query)
	 * @param value   float32 [N, S, embedDim] (default: key)
	 * @param options causal and mask as in `scaledDotProductAttention`: a mask is broadcast to
	 * [N, numHeads, L, S], and uint32 1 means that a key is attended to. (PyTorch's module takes boolean masks
	 * of the opposite meaning.)
	 * @returns float32 [N, L, embedDim]
	 * @throws ShapeError if the shapes do not match, DTypeError, ArgumentError, DeviceMismatchError
	 */
	override forward(
		query: Tensor,
		key: Tensor = query,
		value: Tensor = key,
		options: Pick<AttentionOptions, "causal" | "mask"> = {},
	): Tensor {
		const embedDim = this.inProjWeight.shape[1];
		for (const [argument, x] of Object.entries({ query, key, value })) {
			checkTensor(name, argument, x, "float32");
			if (x.shape.length !== 3 || x.shape[2] !== embedDim)
				throw new ShapeError(
					`${name}: ${argument} must be [N, length, ${embedDim}], but has shape ${formatShape(x.shape)}.`,
				);
		}
		checkOptions(name, options, ["causal", "mask"]);
		if (options.causal !== undefined) checkFlag(name, "causal", options.causal);
		if (options.mask !== undefined) checkTensor(name, "mask", options.mask, "float32", "uint32");
		const [q, k, v] = [query, key, value].map((x, i) => this.headsOf(x, i));
		const heads = permute(scaledDotProductAttention(q, k, v, options), [0, 2, 1, 3]);
		return this.outProj.forward(reshape(heads, query.shape));
	}

	/** x projected by part `i` of the weights: [N, length, embedDim] → [N, numHeads, length, embedDim / numHeads] */
	private headsOf(x: Tensor, i: number): Tensor {
		const [batch, length, embedDim] = x.shape;
		const [start, end] = [i * embedDim, (i + 1) * embedDim];
		const weight = slice(this.inProjWeight, 0, start, end);
		const bias = this.inProjBias && slice(this.inProjBias, 0, start, end);
		const heads = reshape(linear(x, weight, bias), [batch, length, this.numHeads, embedDim / this.numHeads]);
		return permute(heads, [0, 2, 1, 3]);
	}

	/** Of self-attention. */
	override cost(input: Shape): LayerCost {
		checkShape(`${name}.cost`, input, "input");
		const embedDim = this.inProjWeight.shape[1];
		const [batch, length, own] = input;
		if (input.length !== 3 || own !== embedDim)
			throw new ShapeError(`${name}.cost: input must be [N, length, ${embedDim}], but is ${formatShape(input)}.`);
		return { output: input, multiplyAdds: batch * length * embedDim * (4 * embedDim + 2 * length) };
	}
}
