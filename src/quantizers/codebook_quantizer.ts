import { noGrad, stopGradient } from "../autograd/tape.js";
import { checkNumber, checkOptions, checkWord } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { Embedding } from "../nn/layers.js";
import { checkGpu } from "../ops/check.js";
import { nearestCode } from "../ops/codes/nearest_code.js";
import { quantize } from "../ops/codes/quantize.js";
import { rotationTrick } from "../ops/codes/rotation_trick.js";
import { checkSeed } from "../ops/codes/sample_codes.js";
import { launchUpdateCodebook, type UpdateCodebookOptions } from "../ops/codes/update_codebook.js";
import { embedding } from "../ops/embedding.js";
import { normalize } from "../ops/normalize.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { AnyTensor, Gpu, Tensor } from "../tensor/tensor.js";
import { type Codes, checkCodes, checkLatents, type Quantized, Quantizer } from "./quantizer.js";
import {
	checkVectorQuantizerOptions,
	type VectorQuantizerOptions,
	vectorQuantizerOptions,
} from "./vector_quantizer.js";

export interface CodebookOptions extends VectorQuantizerOptions {
	/**
	 * How codes are learnt. "ema" (default): each is the exponential moving average of its latents. "loss":
	 * by gradient, as in the paper's equation 3.
	 */
	readonly learning?: "ema" | "loss";
	/** γ of the moving averages (default 0.5; why so low: docs/decisions.md, 35). */
	readonly decay?: number;
	/** ε of their Laplace smoothing (default 1e-5). */
	readonly epsilon?: number;
	/**
	 * When a code is dead: its moving average of latents in a step is below this share of the mean over all
	 * codes. A dead code is re-initialised from a random latent of the step (default 0.1). With 0 none is;
	 * then an averaged code without latents tends to 0 once its average is below ε.
	 */
	readonly deadBelow?: number;
	/** "euclidean" (default), or "cosine": latents and codes are scaled to length 1. */
	readonly similarity?: "euclidean" | "cosine";
	/** How the decoder's gradient reaches the encoder (default "straight-through"); see `rotationTrick`. */
	readonly gradient?: "straight-through" | "rotation";
	/** Of the random first codes, and of the latents from which dead codes are re-initialised (default 0). */
	readonly seed?: number;
}

/** The names of the options. */
export const codebookOptions = [
	...vectorQuantizerOptions,
	"learning",
	"decay",
	"epsilon",
	"deadBelow",
	"similarity",
	"gradient",
	"seed",
] as const satisfies readonly (keyof CodebookOptions)[];

/**
 * The options with their defaults.
 *
 * @throws ArgumentError if one is out of range, LimitError if the device cannot bind the codebook
 */
export function checkCodebookOptions(caller: string, gpu: Gpu, options: CodebookOptions): Required<CodebookOptions> {
	const { learning = "ema", decay = 0.5, epsilon = 1e-5, deadBelow = 0.1 } = options;
	const { similarity = "euclidean", gradient = "straight-through", seed = 0 } = options;
	const codebook = checkVectorQuantizerOptions(caller, gpu, options);
	checkNumber(caller, "epsilon", epsilon, { least: 0 });
	for (const [name, value] of Object.entries({ decay, deadBelow }))
		checkNumber(caller, name, value, { least: 0, below: 1 });
	checkWord(caller, "learning", learning, ["ema", "loss"]);
	checkWord(caller, "similarity", similarity, ["euclidean", "cosine"]);
	checkWord(caller, "gradient", gradient, ["straight-through", "rotation"]);
	checkSeed(caller, seed);
	return { ...codebook, learning, decay, epsilon, deadBelow, similarity, gradient, seed };
}

/** Below the share of any code with a latent, so that only codes without latents count as dead. */
const leastShare = 1e-12;

/**
 * A codebook with methods that keep all of its codes in use: moving averages (van den Oord et al. 2017,
 * appendix A.1), re-initialisation of dead codes (Dhariwal et al. 2020), codes of length 1 (Yu et al.,
 * "Vector-quantized image modeling with improved VQGAN", 2021), the rotation trick (Fifty et al. 2024).
 *
 * @example
 * const quantizer = new CodebookQuantizer(gpu, { numEmbeddings: 512, similarity: "cosine" });
 * const model = new VQVAE(gpu, { inChannels: 1, quantizer });
 */
export class CodebookQuantizer extends Quantizer {
	static override readonly name: string = "CodebookQuantizer";

	readonly embeddings: Embedding;
	/** float32 [K]: how many latents each code had in a step, a moving average that starts at 1. */
	readonly clusterSize: Tensor;
	/** float32 [K, D]: the sum of these latents, a moving average that starts at the codes. */
	readonly embeddingSum: Tensor;
	override readonly embeddingDim: number;
	override readonly numEmbeddings: number;
	readonly commitmentCost: number;
	readonly deadBelow: number;
	readonly decay: number;
	/** Whether latents and codes are scaled to length 1 before they are compared. */
	readonly cosine: boolean;
	private readonly epsilon: number;
	private readonly averaged: boolean;
	private readonly rotation: boolean;
	private readonly draw: Tensor<"uint32">;
	private readonly seed: number;
	private drawn = 0;

	/**
	 * @throws ArgumentError if an option is out of range, LimitError if the device cannot bind the codebook
	 */
	constructor(gpu: Gpu, options: CodebookOptions = {}) {
		super();
		checkGpu("CodebookQuantizer", gpu, "write new CodebookQuantizer(gpu, options)");
		checkOptions("CodebookQuantizer", options, codebookOptions);
		const complete = checkCodebookOptions("CodebookQuantizer", gpu, options);
		const { embeddingDim, numEmbeddings, commitmentCost, decay, epsilon, deadBelow, seed } = complete;
		this.embeddingDim = embeddingDim;
		this.numEmbeddings = numEmbeddings;
		this.commitmentCost = commitmentCost;
		this.decay = decay;
		this.epsilon = epsilon;
		this.deadBelow = deadBelow;
		this.averaged = complete.learning === "ema";
		this.cosine = complete.similarity === "cosine";
		this.rotation = complete.gradient === "rotation";
		this.seed = seed;
		this.embeddings = new Embedding(gpu, numEmbeddings, embeddingDim, { random: new Random(seed) });
		this.clusterSize = gpu.keep(gpu.empty([numEmbeddings]));
		this.embeddingSum = gpu.keep(gpu.empty([numEmbeddings, embeddingDim]));
		this.draw = gpu.keep(gpu.tensor(Uint32Array.of(seed, 0), [2]));
		this.embeddings.weight.requiresGrad = !this.averaged;
		this.setCodes(this.embeddings.weight);
	}

	override get gpu(): Gpu {
		return this.embeddings.weight.gpu;
	}

	/**
	 * The averages. A codebook that has the paper's settings needs none, so it has the paper's state dict.
	 */
	protected override nonPersistentBuffers(): readonly string[] {
		return ["draw"];
	}

	override namedBuffers(): [string, AnyTensor][] {
		return this.averaged || this.cosine || this.deadBelow > 0 ? super.namedBuffers() : [];
	}

	override get draws(): number {
		return this.drawn;
	}

	/** @throws ArgumentError unless it is a whole number of at least 0 */
	override set draws(count: number) {
		this.drawn = checkNumber("CodebookQuantizer", "draws", count, { least: 0, whole: true });
	}

	override quantize(z: Tensor): Quantized {
		checkLatents(this, "quantize", z);
		const codes = this.codes();
		const latents = this.comparable(z);
		const indices = nearestCode(latents, codes);
		const result = quantize(latents, codes, indices, {
			commitmentCost: this.commitmentCost,
			codebookCost: this.averaged ? 0 : 1,
		});
		if (!this.rotation) return this.result(result, indices);
		return this.result({ ...result, quantized: rotationTrick(latents, stopGradient(result.quantized)) }, indices);
	}

	override encode(z: Tensor): Tensor<"uint32"> {
		checkLatents(this, "encode", z);
		return nearestCode(this.comparable(z), this.codes());
	}

	override lookup(indices: Codes): Tensor {
		checkCodes(this, "lookup", indices);
		return embedding(indices, this.codes(), { layout: "NCHW" });
	}

	override update(z: Tensor, indices: Tensor<"uint32">): void {
		super.update(z, indices);
		if (!this.averaged && this.deadBelow === 0) return;
		this.gpu.feed(this.draw, () => Uint32Array.of(this.seed, ++this.drawn));
		this.average(z, indices, {
			decay: this.decay,
			epsilon: this.epsilon,
			deadBelow: this.deadBelow,
			averaged: this.averaged,
		});
	}

	/**
	 * Moves the codes to the means of their latents: one iteration of Lloyd's algorithm for k-means. A code
	 * without latents is re-initialised from a random latent. The moving averages restart from the new codes.
	 *
	 * @param z latents, float32 [B, D, h, w] or [N, D]
	 * @throws ShapeError if z has another shape
	 */
	moveToMeans(z: Tensor): void {
		checkLatents(this, "moveToMeans", z);
		const { gpu } = this;
		gpu.scope(() =>
			noGrad(() => {
				gpu.feed(this.draw, () => Uint32Array.of(this.seed, ++this.drawn));
				this.average(z, this.encode(z), { decay: 0, epsilon: 0, deadBelow: leastShare, averaged: true });
			}),
		);
	}

	/**
	 * Overwrites the codes and restarts the moving averages, as if each code had had one latent in each step.
	 *
	 * @param codes float32 [K, D]
	 * @throws ShapeError if the codes have another shape
	 */
	setCodes(codes: Tensor): void {
		checkTensor("CodebookQuantizer.setCodes", "codes", codes, "float32");
		const { gpu, embeddings, clusterSize, embeddingSum } = this;
		gpu.scope(() =>
			noGrad(() => {
				gpu.copy(this.cosine ? normalize(codes) : codes, embeddings.weight);
				gpu.copy(embeddings.weight, embeddingSum);
				gpu.upload(clusterSize, new Float32Array(clusterSize.size).fill(1));
			}),
		);
	}

	private average(z: Tensor, indices: Tensor<"uint32">, options: Omit<UpdateCodebookOptions, "unitLength">): void {
		const { embeddings, clusterSize, embeddingSum, draw } = this;
		const state = { codebook: embeddings.weight, clusterSize, embeddingSum, draw };
		launchUpdateCodebook(this.comparable(z), indices, state, { ...options, unitLength: this.cosine });
	}

	/** The codes with which latents are compared. Codes that are learnt by gradient may have any length. */
	private codes(): Tensor {
		return this.cosine ? normalize(this.embeddings.weight) : this.embeddings.weight;
	}

	private comparable(z: Tensor): Tensor {
		return this.cosine ? normalize(z) : z;
	}
}
