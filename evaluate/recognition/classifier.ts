import {
	Adam,
	backward,
	type Capture,
	Conv2d,
	crossEntropy,
	type Gpu,
	type ImageSet,
	noGrad,
	Random,
	ReLU,
	reshape,
	Sequential,
	type Tensor,
} from "tessera-gpu";
import { toNetwork } from "../../src/node/images/pictures.js";

/** A small convolutional network that classifies images [1 or 3, H, W], H and W divisible by 4. */
export class Classifier {
	static readonly name: string = "Classifier";

	private readonly layers: Sequential;

	constructor(
		private readonly gpu: Gpu,
		{ channels, height, width }: ImageSet,
		readonly classes: number,
		seed: number,
	) {
		const random = new Random(seed);
		this.layers = new Sequential([
			new Conv2d(gpu, channels, 32, 3, { stride: 2, padding: 1, random }),
			new ReLU(),
			new Conv2d(gpu, 32, 64, 3, { stride: 2, padding: 1, random }),
			new ReLU(),
			new Conv2d(gpu, 64, 64, 3, { padding: 1, random }),
			new ReLU(),
			// As a linear layer: one kernel over the whole map.
			new Conv2d(gpu, 64, classes, Math.min(height, width) / 4, { random }),
		]);
	}

	/** Trains for so many epochs, in random order, with a cosine learning-rate schedule. */
	async train(set: ImageSet, { epochs, batch, seed }: { epochs: number; batch: number; seed: number }): Promise<void> {
		const { gpu, classes } = this;
		const random = new Random(seed);
		const adam = new Adam(this.layers.parameters(), { lr: 2e-3 });
		const size = set.pixels.length / set.count;
		const images = gpu.tensor(new Float32Array(batch * size), [batch, set.channels, set.height, set.width]);
		const labels = gpu.tensor(new Uint32Array(batch), [batch]);
		let step: Capture<Tensor> | undefined;
		const stepsPerEpoch = Math.floor(set.count / batch);
		const steps = epochs * stepsPerEpoch;
		for (let done = 0; done < steps; ) {
			const order = random.permutation(set.count);
			for (let i = 0; i < stepsPerEpoch; i++, done++) {
				const chosen = order.subarray(i * batch, (i + 1) * batch);
				gpu.upload(images, toNetwork(pixelsOf(set, chosen)));
				gpu.upload(
					labels,
					Uint32Array.from(chosen, (index) => labelOf(set, index)),
				);
				adam.lr = 1e-3 * (1 + Math.cos((Math.PI * done) / steps));
				step ??= gpu.capture(() => {
					const loss = crossEntropy(reshape(this.layers.forward(images), [batch, classes]), labels);
					adam.zeroGrad();
					backward(loss);
					adam.step();
					return loss;
				});
				step.replay();
				if (done % 16 === 0) await gpu.finish();
			}
		}
		step?.dispose();
		adam.zeroGrad();
		for (const part of [images, labels, adam]) part.dispose();
	}

	/** The class of each image, bytes [count, C, H, W]. */
	async classesOf(
		pixels: Uint8Array,
		{ channels, height, width }: Omit<ImageSet, "name" | "count" | "pixels">,
	): Promise<number[]> {
		const { gpu, classes } = this;
		const size = channels * height * width;
		const found: number[] = [];
		for (let first = 0; first < pixels.length; first += 256 * size) {
			const part = pixels.subarray(first, first + 256 * size);
			const logits = gpu.scope(() =>
				noGrad(() => this.layers.forward(gpu.tensor(toNetwork(part), [part.length / size, channels, height, width]))),
			);
			const values = await logits.data();
			logits.dispose();
			for (let i = 0; i < values.length; i += classes) {
				const own = values.subarray(i, i + classes);
				found.push(own.indexOf(Math.max(...own)));
			}
		}
		return found;
	}

	dispose(): void {
		this.layers.dispose();
	}
}

function pixelsOf(set: ImageSet, indices: Uint32Array): Uint8Array {
	const size = set.pixels.length / set.count;
	const pixels = new Uint8Array(indices.length * size);
	for (const [i, index] of indices.entries())
		pixels.set(set.pixels.subarray(index * size, (index + 1) * size), i * size);
	return pixels;
}

function labelOf({ labels }: ImageSet, index: number): number {
	return labels?.[index] ?? 0;
}
