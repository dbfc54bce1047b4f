import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { type LayerCost, Module } from "../nn/module.js";
import { countCodes } from "../ops/codes/count_codes.js";
import { perplexity } from "../ops/codes/perplexity.js";
import type { QuantizedLatents } from "../ops/codes/quantize.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";

/** The indices of codes, from a quantizer or from elsewhere. */
export type Codes = Tensor<"uint32"> | Tensor<"int32">;

/** What `Quantizer.quantize` returns for latents [B, D, h, w]. */
export interface Quantized extends QuantizedLatents {
	/** The indices of the codes, uint32 [B, h, w]; with several levels [B, h, w, levels]. */
	readonly indices: Tensor<"uint32">;
	/** See the operation `perplexity`; computed on first access. */
	readonly perplexity: Tensor;
}

/** @throws ArgumentError, DTypeError, DisposedError unless `z` can be latents */
export function checkLatents({ constructor: { name } }: object, method: string, z: unknown): void {
	checkTensor(`${name}.${method}`, "z", z, "float32");
}

/** @throws ArgumentError, DTypeError, DisposedError unless `indices` can be codes */
export function checkCodes({ constructor: { name } }: object, method: string, indices: unknown): void {
	checkTensor(`${name}.${method}`, "indices", indices, "uint32", "int32");
}

/**
 * The part of a VQ-VAE that replaces latents by codes. To write another one, extend this class and pass it to
 * `VQVAE` as `quantizer`.
 */
export abstract class Quantizer extends Module {
	static override readonly name: string = "Quantizer";

	/** The device of its tensors. */
	abstract readonly gpu: Gpu;
	/** D, the number of channels of the latents. */
	abstract readonly embeddingDim: number;
	/** K, the number of values that an index can have. */
	abstract readonly numEmbeddings: number;
	/** The number of indices at each position. */
	readonly levels: number = 1;

	/**
	 * Latents → codes, for training: with losses, and with a gradient for the encoder.
	 *
	 * @param z float32 [B, D, h, w]
	 * @throws ShapeError if the channels of z are not D
	 */
	abstract quantize(z: Tensor): Quantized;

	/**
	 * Latents → indices, without losses or gradients.
	 *
	 * @param z float32 [B, D, h, w]
	 * @returns uint32 [B, h, w]; with several levels [B, h, w, levels]
	 * @throws ShapeError if the channels of z are not D
	 */
	abstract encode(z: Tensor): Tensor<"uint32">;

	/**
	 * Indices → the decoder's input.
	 *
	 * @param indices uint32 or int32 [B, h, w]; with several levels [B, h, w, levels]
	 * @returns float32 [B, D, h, w]
	 * @throws ShapeError if the indices have another rank
	 */
	abstract lookup(indices: Codes): Tensor;

	/**
	 * Learns what is not learnt by gradient. Call it after each training step, as `Trainer` does. By default
	 * it changes nothing: the paper's quantizer learns by gradient alone.
	 *
	 * @param z the step's latents, float32 [B, D, h, w]
	 * @param indices their codes, from `quantize`
	 */
	update(z: Tensor, indices: Tensor<"uint32">): void {
		checkLatents(this, "update", z);
		checkCodes(this, "update", indices);
	}

	/**
	 * How many updates have drawn random numbers. A training that continues from saved weights sets it, so that
	 * its random numbers go on where they ended.
	 */
	get draws(): number {
		return 0;
	}

	set draws(_count: number) {}

	/**
	 * Adds to `counts` how often each code occurs.
	 *
	 * @param counts uint32 [levels · K], the codes of the first level first
	 */
	countCodes(indices: Codes, counts: Tensor<"uint32">): void {
		checkCodes(this, "countCodes", indices);
		countCodes(indices, counts);
	}

	/**
	 * The multiply-adds of the distances from all positions to all codes, which the nearest-code kernel
	 * computes.
	 */
	override cost(input: Shape): LayerCost {
		checkShape(`${this.constructor.name}.cost`, input, "input");
		if (input.length !== 4 || input[1] !== this.embeddingDim)
			throw new ShapeError(
				`${this.constructor.name}.cost: input must be [B, ${this.embeddingDim}, h, w], but is ${formatShape(input)}.`,
			);
		return { output: input, multiplyAdds: this.levels * sizeOf(input) * this.numEmbeddings };
	}

	/**
	 * Completes a result. Its perplexity is not enumerable, so that code that visits all properties does not
	 * compute it.
	 */
	protected result(latents: QuantizedLatents, indices: Tensor<"uint32">): Quantized {
		let value: Tensor | undefined;
		const use = () => {
			value ??= perplexity(indices, this.numEmbeddings);
			return value;
		};
		return Object.defineProperty({ ...latents, indices }, "perplexity", { get: use }) as Quantized;
	}
}
