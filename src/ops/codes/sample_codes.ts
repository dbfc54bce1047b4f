import sampleCodesKernel from "../../../kernels/sample_codes.wgsl";
import { checkNumber } from "../../base/arguments.js";
import { ShapeError } from "../../base/errors.js";
import { formatShape, sameShape, sizeOf } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkRank, commonGpu } from "../check.js";

/** The tensors that `sampleCodes` reads and writes. */
export interface SampleState {
	/** uint32 [B, h, w]; the code at the position is overwritten, unless it is kept. */
	readonly codes: Tensor<"uint32">;
	/** uint32 [B, h, w]: not 0 if a code is given and kept. */
	readonly keep: Tensor<"uint32">;
	/** float32 [B], to which the logarithms of the probabilities of kept codes are added. */
	readonly score: Tensor;
	/**
	 * uint32 [3]: the first and the last position, row by row, and the number of the first image. It is read on the GPU, so a
	 * captured step can feed it. Positions before the last one should be kept: the logits do not depend on what is drawn there.
	 */
	readonly place: Tensor<"uint32">;
}

export interface SampleOptions {
	/** The divisor of the logits (default 1); 0 takes the likeliest code, the one with the lowest index if several are. */
	readonly temperature?: number;
	/** Samples from so many of the likeliest codes, and those as likely as the last of them (default: all). */
	readonly topK?: number | undefined;
	/** Of the random numbers, a whole number in [0, 2³²) (default 0). */
	readonly seed?: number;
}

/** The names of the options. */
export const sampleOptions = ["temperature", "topK", "seed"] as const satisfies readonly (keyof SampleOptions)[];

/** @throws ArgumentError if an option is out of range */
export function checkSampleOptions(name: string, { temperature = 1, topK, seed = 0 }: SampleOptions): void {
	checkNumber(name, "temperature", temperature, { least: 0 });
	if (topK !== undefined) checkNumber(name, "topK", topK, { least: 1, whole: true });
	checkSeed(name, seed);
}

/** @throws ArgumentError unless a seed is a whole number in [0, 2³²) */
export function checkSeed(name: string, seed: number): void {
	checkNumber(name, "seed", seed, { least: 0, below: 2 ** 32, whole: true });
}

/**
 * Samples a code for each image at a position of its grid, on the GPU (see kernels/sample_codes.wgsl). The same seed samples the
 * same codes for an image of the same number, whatever batch it is in.
 *
 * @param logits float32 [B, K, h, w]
 * @throws ArgumentError, ShapeError, DTypeError, DeviceMismatchError
 */
export function sampleCodes(logits: Tensor, state: SampleState, options: SampleOptions = {}): void {
	const name = "sampleCodes";
	const { codes, keep, score, place } = state;
	const { temperature = 1, topK, seed = 0 } = options;
	checkTensor(name, "logits", logits, "float32");
	checkTensor(name, "score", score, "float32");
	for (const [what, tensor] of Object.entries({ codes, keep, place })) checkTensor(name, what, tensor, "uint32");
	const gpu = commonGpu(name, logits, codes, keep, score, place);
	checkRank(name, "logits", logits.shape, 4, "[B, K, h, w]");
	checkSampleOptions(name, options);
	const [batch, count, ...grid] = logits.shape;
	for (const [what, tensor, shape] of [
		["codes", codes, [batch, ...grid]],
		["keep", keep, [batch, ...grid]],
		["score", score, [batch]],
		["place", place, [3]],
	] as const)
		if (!sameShape(tensor.shape, shape))
			throw new ShapeError(
				`${name}: ${what} must be ${formatShape(shape)} for logits ${formatShape(logits.shape)}, but has shape ${formatShape(tensor.shape)}.`,
			);
	gpu.launch(sampleCodesKernel, {
		constants: { CODES: count, POSITIONS: sizeOf(grid), TOP_K: topK === undefined || topK >= count ? 0 : topK },
		bindings: [logits, place, keep, codes, score].map((tensor) => tensor.memory()),
		uniforms: { temperature, seed },
		workgroups: batch,
	});
}
