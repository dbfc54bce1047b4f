import { checkArray, checkNumbers } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import type { Shape } from "../base/shape.js";
import { checkGpu } from "../ops/check.js";
import { finiteScalar, finiteScalarLookup } from "../ops/codes/finite_scalar.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { type Codes, checkCodes, checkLatents, type Quantized, Quantizer } from "./quantizer.js";

/**
 * Finite scalar quantization, see the operation `finiteScalar`. It has no codebook and learns nothing, so
 * both losses are 0.
 *
 * @example
 * const model = new VQVAE(gpu, { quantizer: new FiniteScalarQuantizer(gpu, [8, 5, 5, 5]) }); // 1000 codes
 */
export class FiniteScalarQuantizer extends Quantizer {
	static override readonly name: string = "FiniteScalarQuantizer";

	override readonly embeddingDim: number;
	override readonly numEmbeddings: number;
	/** uint32 [D] */
	private readonly levelCounts: Tensor<"uint32">;

	/**
	 * @param levelsPerDimension how many values each channel of the latents has; their product is the number
	 * of codes
	 * @throws ArgumentError unless there are levels, each is a whole number of at least 2, and their product
	 * is below 2³²
	 */
	constructor(
		override readonly gpu: Gpu,
		readonly levelsPerDimension: readonly number[],
	) {
		super();
		const name = "FiniteScalarQuantizer";
		checkGpu(name, gpu, `write new ${name}(gpu, [8, 5, 5, 5])`);
		checkArray(name, "levels", levelsPerDimension, "an array of whole numbers such as [8, 5, 5, 5]");
		checkNumbers(name, "levels", levelsPerDimension, { least: 2, whole: true });
		const codes = levelsPerDimension.reduce((product, level) => product * level, 1);
		if (levelsPerDimension.length === 0 || codes >= 2 ** 32)
			throw new ArgumentError(
				`${name}: levels must be whole numbers of at least 2 with a product below 2³², but are [${levelsPerDimension.join(", ")}].`,
			);
		this.embeddingDim = levelsPerDimension.length;
		this.numEmbeddings = codes;
		this.levelCounts = gpu.keep(gpu.tensor(Uint32Array.from(levelsPerDimension), [levelsPerDimension.length]));
	}

	override quantize(z: Tensor): Quantized {
		checkLatents(this, "quantize", z);
		const { quantized, indices } = finiteScalar(z, this.levelCounts);
		const none = () => this.gpu.zeros([]);
		return this.result({ quantized, loss: none(), commitmentLoss: none() }, indices);
	}

	protected override nonPersistentBuffers(): readonly string[] {
		return ["levelCounts"];
	}

	override encode(z: Tensor): Tensor<"uint32"> {
		checkLatents(this, "encode", z);
		const { quantized, indices } = finiteScalar(z, this.levelCounts);
		quantized.dispose();
		return indices;
	}

	override lookup(indices: Codes): Tensor {
		checkCodes(this, "lookup", indices);
		return finiteScalarLookup(indices, this.levelCounts);
	}

	/** Rounding has no multiply-adds. */
	override cost(input: Shape): ReturnType<Quantizer["cost"]> {
		return { ...super.cost(input), multiplyAdds: 0 };
	}
}
