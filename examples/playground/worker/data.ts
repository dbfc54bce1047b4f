import {
	batches,
	type Gpu,
	gatherImages,
	type ImageSet,
	imageVariance,
	type PackedImages,
	packImages,
	Random,
	subset,
	type Tensor,
} from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import type { Settings } from "../shared/settings.js";

/** How many test images there are; they are not trained on. */
const testImages = 256;
/** The test digits are drawn with a seed of their own, so that all runs are tested on the same ones. */
const testSeed = 1_000_003;

/** The images of a run, in host memory. */
export interface RunImages {
	readonly train: ImageSet;
	readonly test: ImageSet;
	readonly classes: readonly string[];
}

/** The built-in digits. */
export function digitImages({ images, seed }: Pick<Settings, "images" | "seed">): RunImages {
	return {
		train: generateDigits(images, seed),
		test: generateDigits(testImages, testSeed),
		classes: Array.from("0123456789"),
	};
}

/** The user's images: a sixth of them, at most 256, are test images. */
export function splitImages(set: ImageSet, classes: readonly string[]): RunImages {
	const held = Math.max(1, Math.min(testImages, Math.floor(set.count / 6)));
	return { train: subset(set, held, set.count), test: subset(set, 0, held), classes };
}

/** The images of a run on the GPU, as bytes. */
export class ImagesOnGpu {
	readonly variance: number;
	private readonly train: PackedImages;
	private readonly test: PackedImages;

	constructor(
		private readonly gpu: Gpu,
		readonly images: RunImages,
	) {
		const { train, test } = images;
		const shapeOf = ({ count, channels, height, width }: ImageSet) => [count, channels, height, width] as const;
		this.variance = imageVariance(train);
		this.train = packImages(gpu, train.pixels, shapeOf(train));
		try {
			this.test = packImages(gpu, test.pixels, shapeOf(test));
		} catch (error) {
			this.train.dispose();
			throw error;
		}
	}

	/** float32 [B, C, H, W], −0.5 … 0.5 */
	trainImages(indices: Uint32Array): Tensor {
		return gatherImages(this.train, this.gpu.tensor(indices));
	}

	testImages(indices: Uint32Array): Tensor {
		return gatherImages(this.test, this.gpu.tensor(indices));
	}

	dispose(): void {
		this.train.dispose();
		this.test.dispose();
	}
}

/** The indices 0 … count − 1 in batches of `size`, the last one smaller if need be. */
export function consecutiveBatches(count: number, size: number): Uint32Array[] {
	return Array.from({ length: Math.ceil(count / size) }, (_, batch) => {
		const first = batch * size;
		return Uint32Array.from({ length: Math.min(size, count - first) }, (_, i) => first + i);
	});
}

/**
 * Which images a step takes. It depends on the step and the seed alone, so that a run that goes on after a reload takes the
 * images that it would have taken.
 */
export class BatchOrder {
	private epoch = -1;
	private order: readonly Uint32Array[] = [];

	constructor(
		private readonly count: number,
		private readonly batch: number,
		private readonly seed: number,
	) {}

	/** @param step counted from 0 */
	at(step: number): Uint32Array {
		const perEpoch = Math.max(1, Math.floor(this.count / this.batch));
		const epoch = Math.floor(step / perEpoch);
		if (epoch !== this.epoch) {
			this.epoch = epoch;
			const random = new Random((this.seed * 100_003 + epoch) % 2 ** 31);
			this.order = [...batches(this.count, this.batch, random, { dropLast: this.count >= this.batch })];
		}
		return this.order[step % perEpoch] as Uint32Array;
	}
}
