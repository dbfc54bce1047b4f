import { stopGradient } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { add, sub } from "../ops/binary.js";
import { checkGpu, checkParts } from "../ops/check.js";
import { launchJoinLevels, launchTakeLevel } from "../ops/codes/code_levels.js";
import { countCodes } from "../ops/codes/count_codes.js";
import type { QuantizedLatents } from "../ops/codes/quantize.js";
import { rotationTrick } from "../ops/codes/rotation_trick.js";
import { straightThrough } from "../ops/codes/straight_through.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import {
	type CodebookOptions,
	CodebookQuantizer,
	checkCodebookOptions,
	codebookOptions,
} from "./codebook_quantizer.js";
import { type Initialisation, type InitialiseOptions, initialiseCodebook } from "./initialise.js";
import { type Codes, checkCodes, checkLatents, type Quantized, Quantizer } from "./quantizer.js";

export interface ResidualOptions extends CodebookOptions {
	/** The number of codebooks, one after the other (default 2). */
	readonly levels?: number;
}

/**
 * Residual vector quantization (Zeghidour et al., "SoundStream", 2021, section III-C): several codebooks,
 * each of which quantizes the residual that the ones before it leave. A position's vector is the sum of one
 * code from each. The losses are the sums of the levels' losses.
 *
 * @example
 * const quantizer = new ResidualQuantizer(gpu, { levels: 4, numEmbeddings: 256 });
 * const model = new VQVAE(gpu, { inChannels: 3, quantizer });
 */
export class ResidualQuantizer extends Quantizer {
	static override readonly name: string = "ResidualQuantizer";

	readonly codebooks: readonly [CodebookQuantizer, ...CodebookQuantizer[]];
	override readonly embeddingDim: number;
	override readonly numEmbeddings: number;
	override readonly levels: number;
	private readonly rotation: boolean;

	/**
	 * @throws ArgumentError if an option is out of range, LimitError if the device cannot hold so many
	 * codebooks
	 */
	constructor(gpu: Gpu, options: ResidualOptions = {}) {
		super();
		const name = "ResidualQuantizer";
		checkGpu(name, gpu, `write new ${name}(gpu, options)`);
		checkOptions(name, options, ["levels", ...codebookOptions]);
		const { gradient, seed, ...codebook } = checkCodebookOptions(name, gpu, options);
		const { levels = 2 } = options;
		checkNumber(name, "levels", levels, { least: 1, whole: true });
		checkParts(name, gpu, "levels", levels, 2 * codebook.numEmbeddings * codebook.embeddingDim);
		const make = (level: number) => new CodebookQuantizer(gpu, { ...codebook, seed: (seed + level) % 2 ** 32 });
		this.codebooks = [make(0), ...Array.from({ length: levels - 1 }, (_, level) => make(level + 1))];
		this.levels = levels;
		this.embeddingDim = codebook.embeddingDim;
		this.numEmbeddings = codebook.numEmbeddings;
		this.rotation = gradient === "rotation";
	}

	override get gpu(): Gpu {
		return this.codebooks[0].gpu;
	}

	override quantize(z: Tensor): Quantized {
		checkLatents(this, "quantize", z);
		const parts = this.residuals(z, (codebook, residual) => codebook.quantize(residual));
		const [first, ...rest] = parts;
		const total = rest.reduce<QuantizedLatents>(
			(sum, part) => ({
				quantized: add(stopGradient(sum.quantized), stopGradient(part.quantized)),
				loss: add(sum.loss, part.loss),
				commitmentLoss: add(sum.commitmentLoss, part.commitmentLoss),
			}),
			first,
		);
		const quantized = (this.rotation ? rotationTrick : straightThrough)(z, stopGradient(total.quantized));
		return this.result({ ...total, quantized }, this.join(parts.map(({ indices }) => indices)));
	}

	override encode(z: Tensor): Tensor<"uint32"> {
		checkLatents(this, "encode", z);
		return this.join(
			this.residuals(z, (codebook, residual) => withCodes(codebook, residual)).map(({ indices }) => indices),
		);
	}

	override lookup(indices: Codes): Tensor {
		checkCodes(this, "lookup", indices);
		const [first, ...rest] = this.split(indices);
		return rest.reduce(
			(sum, codes, level) => add(sum, (this.codebooks[level + 1] as CodebookQuantizer).lookup(codes)),
			this.codebooks[0].lookup(first as Codes),
		);
	}

	override get draws(): number {
		return this.codebooks[0].draws;
	}

	override set draws(count: number) {
		for (const codebook of this.codebooks) codebook.draws = count;
	}

	override update(z: Tensor, indices: Tensor<"uint32">): void {
		super.update(z, indices);
		this.gpu.scope(() => {
			let residual = z;
			for (const [level, codes] of this.split(indices).entries()) {
				const codebook = this.codebooks[level] as CodebookQuantizer;
				// The next residual is computed before `update` moves this level's codes.
				const next = level + 1 < this.levels ? sub(residual, codebook.lookup(codes)) : residual;
				codebook.update(residual, codes);
				residual = next;
			}
		});
	}

	override countCodes(indices: Codes, counts: Tensor<"uint32">): void {
		checkCodes(this, "countCodes", indices);
		this.gpu.scope(() => {
			const levels = this.split(indices, this.numEmbeddings);
			for (const codes of levels) countCodes(codes, counts);
		});
	}

	/**
	 * Initialises each codebook from the residual that the ones before it leave; see `initialiseCodebook`.
	 *
	 * @param latents float32 [B, D, h, w]; only "data" and "kmeans" need them
	 * @throws ArgumentError if the method is unknown or latents are missing, ShapeError if they do not fit
	 * the codebooks
	 */
	initialise(method: Initialisation, latents?: Tensor | undefined, options: InitialiseOptions = {}): void {
		this.gpu.scope(() => {
			let residual = latents;
			for (const codebook of this.codebooks) {
				initialiseCodebook(codebook, method, residual, options);
				residual &&= sub(residual, codebook.lookup(codebook.encode(residual)));
			}
		});
	}

	/**
	 * The result of `step` for each level; a level's residual is the one before it minus that level's
	 * `quantized`.
	 */
	private residuals<T extends { readonly quantized: Tensor }>(
		z: Tensor,
		step: (codebook: CodebookQuantizer, residual: Tensor) => T,
	): [T, ...T[]] {
		const [first, ...rest] = this.codebooks;
		const parts: [T, ...T[]] = [step(first, z)];
		let residual = z;
		let last = parts[0];
		for (const codebook of rest) {
			residual = sub(residual, stopGradient(last.quantized));
			last = step(codebook, residual);
			parts.push(last);
		}
		return parts;
	}

	private join(indices: readonly Tensor<"uint32">[]): Tensor<"uint32"> {
		return launchJoinLevels(indices as [Tensor<"uint32">, ...Tensor<"uint32">[]]);
	}

	/** The codes of each level, [B, h, w] each, plus `offset` times the number of levels before it. */
	private split(indices: Codes, offset = 0): Tensor<"uint32">[] {
		if (indices.shape.length !== 4 || indices.shape[3] !== this.levels)
			throw new ShapeError(
				`ResidualQuantizer: indices must be [B, h, w, ${this.levels}], but have shape ${formatShape(indices.shape)}.`,
			);
		return this.codebooks.map((_, level) => launchTakeLevel(indices, level, level * offset));
	}
}

function withCodes(
	codebook: CodebookQuantizer,
	z: Tensor,
): { readonly quantized: Tensor; readonly indices: Tensor<"uint32"> } {
	const indices = codebook.encode(z);
	return { indices, quantized: codebook.lookup(indices) };
}
