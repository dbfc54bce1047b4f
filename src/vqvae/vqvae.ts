import { noGrad } from "../autograd/tape.js";
import { checkInstance, checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { checkShape, formatShape, type Shape } from "../base/shape.js";
import { type LayerCost, Module } from "../nn/module.js";
import { checkBindable, checkGpu, pair } from "../ops/check.js";
import { mseLossPlus } from "../ops/loss_sums.js";
import { type Codes, Quantizer } from "../quantizers/quantizer.js";
import {
	checkVectorQuantizerOptions,
	VectorQuantizer,
	type VectorQuantizerOptions,
	vectorQuantizerOptions,
} from "../quantizers/vector_quantizer.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { Decoder } from "./decoder.js";
import { Encoder } from "./encoder.js";
import { checkEven, checkResidualLayers, type NetworkOptions } from "./residual_block.js";

export interface VQVAEOptions<Q extends Quantizer = VectorQuantizer> extends NetworkOptions, VectorQuantizerOptions {
	/** The channels of the images (default 3). */
	readonly inChannels?: number;
	/**
	 * Replaces the paper's quantizer, which `embeddingDim`, `numEmbeddings` and `commitmentCost` describe;
	 * leave these three out then. The model owns it: `model.dispose()` frees it.
	 */
	readonly quantizer?: Q | undefined;
	/** The variance of the training images, by which the reconstruction loss is divided (default 1). */
	readonly dataVariance?: number;
	/** Of the random numbers that the parameters start with (default 0). */
	readonly seed?: number;
}

/** The names of the options. */
const optionNames = [
	"inChannels",
	...vectorQuantizerOptions,
	"hiddenChannels",
	"residualLayers",
	"quantizer",
	"dataVariance",
	"seed",
] as const satisfies readonly (keyof VQVAEOptions)[];

/** What `VQVAE.forward` returns; the losses are float32 scalars. */
export interface VQVAEOutput {
	/** float32 [B, C, H, W] */
	readonly reconstruction: Tensor;
	/** The encoder's output, float32 [B, D, H/4, W/4] */
	readonly latents: Tensor;
	/** uint32 [B, H/4, W/4]; with several levels [B, H/4, W/4, levels] */
	readonly indices: Tensor<"uint32">;
	/** reconLoss + vqLoss, to be minimised. */
	readonly loss: Tensor;
	/** mse(reconstruction, images) / dataVariance */
	readonly reconLoss: Tensor;
	/** The quantizer's loss, see `Quantized.loss`. */
	readonly vqLoss: Tensor;
	/** The commitment loss without its weight β; part of `vqLoss`. */
	readonly commitmentLoss: Tensor;
}

/**
 * The vector-quantised variational autoencoder (van den Oord, Vinyals & Kavukcuoglu, "Neural discrete
 * representation learning", 2017): an encoder, a quantizer and a decoder, with PyTorch's initial
 * distributions and state-dict names.
 *
 * @example
 * const gpu = await openDevice();
 * const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 128 });
 * const images = gpu.tensor(pixels, [64, 1, 28, 28]); // numbers in [-0.5, 0.5]
 * const codes = model.encode(images); // uint32 [64, 7, 7]
 * const reconstruction = model.decode(codes); // float32 [64, 1, 28, 28]
 */
export class VQVAE<Q extends Quantizer = VectorQuantizer> extends Module {
	static override readonly name: string = "VQVAE";

	readonly encoder: Encoder;
	readonly vqLayer: Q;
	readonly decoder: Decoder;
	/** The channels of the images. */
	readonly inChannels: number;
	/** The variance of the training images, by which the reconstruction loss is divided. */
	readonly dataVariance: number;

	/**
	 * @throws ArgumentError if an option is out of range, or describes a codebook although a quantizer is
	 * given; LimitError if the device cannot hold the weights
	 */
	constructor(gpu: Gpu, options: VQVAEOptions<Q> = {}) {
		super();
		checkGpu("VQVAE", gpu, "write new VQVAE(gpu, options)");
		checkOptions("VQVAE", options, optionNames);
		const { inChannels = 3, dataVariance = 1, quantizer, seed = 0 } = options;
		if (quantizer !== undefined) {
			checkInstance("VQVAE", "quantizer", quantizer, Quantizer, "a Quantizer");
			for (const name of vectorQuantizerOptions)
				if (options[name] !== undefined)
					throw new ArgumentError(`VQVAE: ${name} must be left out, because the quantizer that is given has its own.`);
		}
		const codebook = checkVectorQuantizerOptions("VQVAE", gpu, options);
		const { embeddingDim } = quantizer ?? codebook;
		const { hiddenChannels = 64, residualLayers = 0 } = options;
		const [before, after] = pair("VQVAE", "residualLayers", residualLayers, 0);
		checkNumber("VQVAE", "inChannels", inChannels, { least: 1, whole: true });
		checkEven("VQVAE", "hiddenChannels", hiddenChannels);
		for (const count of [before, after]) checkResidualLayers("VQVAE", gpu, hiddenChannels, count);
		if (dataVariance === 0)
			throw wrongArgument("VQVAE", "dataVariance", "a number above 0", dataVariance, "are all images alike?");
		checkNumber("VQVAE", "dataVariance", dataVariance, { above: 0 });
		checkNumber("VQVAE", "seed", seed, { whole: true });
		checkBindable("VQVAE", "inChannels and hiddenChannels", gpu, [hiddenChannels / 2, inChannels, 3, 3]);
		checkBindable("VQVAE", "hiddenChannels", gpu, [hiddenChannels, hiddenChannels / 2, 3, 3]);
		checkBindable("VQVAE", "hiddenChannels and embeddingDim", gpu, [hiddenChannels, embeddingDim, 3, 3]);
		const random = new Random(seed);
		this.encoder = new Encoder(gpu, random, inChannels, embeddingDim, hiddenChannels, before);
		this.vqLayer = (quantizer ?? new VectorQuantizer(gpu, codebook, random)) as Q;
		this.decoder = new Decoder(gpu, random, inChannels, embeddingDim, hiddenChannels, after);
		this.inChannels = inChannels;
		this.dataVariance = dataVariance;
	}

	/**
	 * The forward pass for training, with its losses.
	 *
	 * @param images float32 [B, C, H, W], H and W divisible by 4
	 * @throws ShapeError if the images have another shape
	 */
	forward(images: Tensor): VQVAEOutput {
		this.check("forward", images);
		const latents = this.encoder.forward(images);
		const { quantized, indices, loss: vqLoss, commitmentLoss } = this.vqLayer.quantize(latents);
		checkTensor("VQVAE.forward", "the quantizer's loss", vqLoss, "float32");
		if (vqLoss.size !== 1)
			throw new ShapeError(
				`VQVAE.forward: the quantizer's loss must have one element, but has shape ${formatShape(vqLoss.shape)}.`,
			);
		const reconstruction = this.decoder.forward(quantized);
		const { loss: reconLoss, total: loss } = mseLossPlus(reconstruction, images, 1 / this.dataVariance, vqLoss);
		return { reconstruction, latents, indices, loss, reconLoss, vqLoss, commitmentLoss };
	}

	/**
	 * Images → codes, without recording gradients.
	 *
	 * @param images float32 [B, C, H, W], H and W divisible by 4
	 * @returns uint32 [B, H/4, W/4]; of a quantizer with several levels [B, H/4, W/4, levels]
	 * @throws ShapeError if the images have another shape
	 */
	encode(images: Tensor): Tensor<"uint32"> {
		this.check("encode", images);
		return this.evaluate(images.gpu, () => this.vqLayer.encode(this.encoder.forward(images)));
	}

	/**
	 * Codes → images, without recording gradients.
	 *
	 * @param codes uint32 or int32 [B, h, w]; of a quantizer with several levels [B, h, w, levels]
	 * @returns float32 [B, C, 4h, 4w]
	 * @throws ShapeError if the codes have another rank
	 */
	decode(codes: Codes): Tensor {
		checkTensor("VQVAE.decode", "codes", codes, "uint32", "int32");
		return this.evaluate(codes.gpu, () => this.decoder.forward(this.vqLayer.lookup(codes)));
	}

	/**
	 * Images → codes → images, without recording gradients.
	 *
	 * @param images float32 [B, C, H, W], H and W divisible by 4
	 * @returns float32 [B, C, H, W]
	 * @throws ShapeError if the images have another shape
	 */
	reconstruct(images: Tensor): Tensor {
		this.check("reconstruct", images);
		return this.evaluate(images.gpu, () => this.decoder.forward(this.vqLayer.lookup(this.encode(images))));
	}

	/**
	 * Compiles ahead of time what `encode`, `decode` and `reconstruct` launch for images of this shape
	 * (`Trainer.prepare` does so for a training step); see `Gpu.prepare`.
	 *
	 * @param shape [B, C, H, W]
	 * @throws ShapeError if the model does not take such images, ShaderError
	 */
	async prepare(shape: Shape): Promise<void> {
		this.checkShape("prepare", shape);
		const { gpu } = this.vqLayer;
		await gpu.prepare(() => this.reconstruct(gpu.empty(shape)));
	}

	override cost(input: Shape): LayerCost {
		this.checkShape("cost", input);
		const encoder = this.encoder.cost(input);
		const quantizer = this.vqLayer.cost(encoder.output);
		const decoder = this.decoder.cost(quantizer.output);
		return {
			output: decoder.output,
			multiplyAdds: encoder.multiplyAdds + quantizer.multiplyAdds + decoder.multiplyAdds,
		};
	}

	private evaluate<T extends Tensor | Tensor<"uint32">>(gpu: Gpu, body: () => T): T {
		return gpu.scope(() => noGrad(body));
	}

	private check(method: string, images: Tensor): void {
		checkTensor(`VQVAE.${method}`, "images", images, "float32");
		this.checkShape(method, images.shape);
	}

	private checkShape(method: string, shape: Shape): void {
		checkShape(`VQVAE.${method}`, shape);
		const [, channels, height = 0, width = 0] = shape;
		if (shape.length !== 4 || channels !== this.inChannels || height % 4 !== 0 || width % 4 !== 0)
			throw new ShapeError(
				`VQVAE.${method}: images must be [B, ${this.inChannels}, H, W] with H and W divisible by 4, but are ${formatShape(shape)}.`,
			);
	}
}
