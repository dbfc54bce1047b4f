import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { type LayerCost, Module } from "../nn/module.js";
import { countCodes } from "../ops/codes/count_codes.js";
import { perplexity } from "../ops/codes/perplexity.js";
import type { QuantizedLatents } from "../ops/codes/quantize.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";

/** The indices of codes, as a quantizer gives them or as they were made elsewhere. */
export type Codes = Tensor<"uint32"> | Tensor<"int32">;

/** What a quantizer makes of latents [B, D, h, w]. */
export interface Quantized extends QuantizedLatents {
	/** Which codes they are, uint32 [B, h, w]; of a quantizer with several levels [B, h, w, levels]. */
	readonly indices: Tensor<"uint32">;
	/** See the operation `perplexity`; computed when it is first asked for. */
	readonly perplexity: Tensor;
}

/** @throws ArgumentError, DTypeError, DisposedError unless it is a tensor of latents */
export function checkLatents({ constructor: { name } }: object, method: string, z: unknown): void {
	checkTensor(`${name}.${method}`, "z", z, "float32");
}

/** @throws ArgumentError, DTypeError, DisposedError unless it is a tensor of indices */
export function checkCodes({ constructor: { name } }: object, method: string, indices: unknown): void {
	checkTensor(`${name}.${method}`, "indices", indices, "uint32", "int32");
}

/** A part of a VQ-VAE that replaces latents by codes. `VectorQuantizer` is that of the paper. */
export abstract class Quantizer extends Module {
	static override readonly name: string = "Quantizer";

	/** Where its tensors are. */
	abstract readonly gpu: Gpu;
	/** D, the channels of the latents. */
	abstract readonly embeddingDim: number;
	/** K, how many values an index can have. */
	abstract readonly numEmbeddings: number;
	/** How many indices each position has. */
	readonly levels: number = 1;

	/**
	 * Latents → codes, for training.
	 *
	 * @param z float32 [B, D, h, w]
	 */
	abstract quantize(z: Tensor): Quantized;

	/** The indices that `quantize` gives, and nothing else. */
	abstract encode(z: Tensor): Tensor<"uint32">;

	/** Indices → what the decoder gets, float32 [B, D, h, w]. */
	abstract lookup(indices: Codes): Tensor;

	/**
	 * What is learnt other than by gradients: to be called after each training step, with the step's latents and their
	 * indices. `Trainer` does so. The paper's quantizer has nothing to do here.
	 */
	update(z: Tensor, indices: Tensor<"uint32">): void {
		checkLatents(this, "update", z);
		checkCodes(this, "update", indices);
	}

	/** Adds to `counts` [levels · K] how often each code occurs. */
	countCodes(indices: Codes, counts: Tensor<"uint32">): void {
		checkCodes(this, "countCodes", indices);
		countCodes(indices, counts);
	}

	/** The distances of all positions to all codes, which the nearest-code kernel computes. */
	override cost(input: Shape): LayerCost {
		checkShape(`${this.constructor.name}.cost`, input, "input");
		if (input.length !== 4 || input[1] !== this.embeddingDim)
			throw new ShapeError(
				`${this.constructor.name}.cost: input must be [B, ${this.embeddingDim}, h, w], but is ${formatShape(input)}.`,
			);
		return { output: input, multiplyAdds: this.levels * sizeOf(input) * this.numEmbeddings };
	}

	/** Completes a result; its perplexity is no listed property, so that what goes through results does not compute it. */
	protected result(latents: QuantizedLatents, indices: Tensor<"uint32">): Quantized {
		let value: Tensor | undefined;
		const use = () => {
			value ??= perplexity(indices, this.numEmbeddings);
			return value;
		};
		return Object.defineProperty({ ...latents, indices }, "perplexity", { get: use }) as Quantized;
	}
}
