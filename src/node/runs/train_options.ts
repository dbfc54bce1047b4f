import type { DataOptions } from "./data_options.js";
import type { QuantizerOptions } from "./quantizer_options.js";

/** Learning-rate schedules: half a cosine down to 0, or constant. */
export const schedules = ["cosine", "constant"] as const;

/** The best of the rates that were measured with the other defaults. */
export const defaultLearningRate = 6e-3;

/** What decides a training of a VQ-VAE; config.json has all of it. */
export interface TrainOptions extends QuantizerOptions, DataOptions {
	readonly epochs: number;
	/** Images per step. */
	readonly batch: number;
	readonly lr: number;
	readonly schedule: (typeof schedules)[number];
	/** Steps over which the learning rate rises. */
	readonly warmUp: number;
	/** The largest norm of the gradient; undefined: not clipped. */
	readonly clip?: number | undefined;
	/** The decay of the weights' moving average; undefined: there is none. */
	readonly ema?: number | undefined;
	/** Channels of the network's inner layers. */
	readonly hidden: number;
	/** Residual blocks in the encoder and in the decoder. */
	readonly residualLayers: readonly [number, number];
}

/** The options whose defaults follow from the images. */
export type GivenTrainOptions = Omit<TrainOptions, "epochs" | "batch" | "codes"> & {
	readonly epochs?: number | undefined;
	readonly batch?: number | undefined;
	readonly codes?: number | undefined;
};

/** The built-in digits take 3 epochs of 64 steps: enough to see them, in seconds. */
const epochsOfDigits = 3;
/** Images of 28 × 28 that a training sees in all its epochs, about; of larger ones fewer, but not below the second number. */
const seenImages = 40_000;
const fewestSeen = 10_000;
const fewestEpochs = 5;
/** From so many images on, batches are larger: steps on a GPU cost less for each image. */
const many = 20_000;

/** The options, with defaults that suit the number of images and their channels. */
export function withDefaults(
	options: GivenTrainOptions,
	{ count, channels, height, width }: Record<"count" | "channels" | "height" | "width", number>,
): TrainOptions {
	const { epochs, batch, codes } = options;
	const seen = Math.max(fewestSeen, (seenImages * 28 * 28) / (height * width));
	const standard =
		options.data === "digits" && options.images === undefined
			? epochsOfDigits
			: Math.max(fewestEpochs, Math.ceil(seen / count));
	return {
		...options,
		epochs: epochs ?? standard,
		batch: batch ?? (count >= many ? 128 : 16),
		codes: codes ?? (channels === 3 ? 512 : 128),
	};
}
