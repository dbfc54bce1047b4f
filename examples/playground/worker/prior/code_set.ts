import type { Gpu, ImageSet, Tensor } from "tessera-gpu";
import type { CodeBatch } from "tessera-gpu/prior";
import type { Quantizer } from "tessera-gpu/quantizers";
import type { VQVAE } from "tessera-gpu/vqvae";

/** The shape of an image's codes as a prior has them. */
export interface PriorGrid {
	readonly height: number;
	/** Positions times levels: the levels of a position are consecutive. */
	readonly width: number;
}

/** The codes of a set of images, in host memory. They are made batch by batch. */
export class CodeSet {
	readonly count: number;
	private readonly codes: Uint32Array;
	private readonly labels: Uint8Array | undefined;
	private done = 0;

	/** @param classes 0 if the images have none */
	constructor(
		images: ImageSet,
		readonly grid: PriorGrid,
		classes: number,
	) {
		this.count = images.count;
		this.labels = classes > 0 ? images.labels : undefined;
		this.codes = new Uint32Array(images.count * this.size);
	}

	private get size(): number {
		return this.grid.height * this.grid.width;
	}

	/** How many images are encoded. */
	get encoded(): number {
		return this.done;
	}

	get isComplete(): boolean {
		return this.done === this.count;
	}

	/** Encodes the next `most` images at most. */
	async encode(model: VQVAE<Quantizer>, most: number, imagesOf: (indices: Uint32Array) => Tensor): Promise<void> {
		const first = this.done;
		const count = Math.min(most, this.count - first);
		const codes = model.vqLayer.gpu.scope(() =>
			model.encode(imagesOf(Uint32Array.from({ length: count }, (_, i) => first + i))),
		);
		try {
			this.codes.set(await codes.data(), first * this.size);
		} finally {
			codes.dispose();
		}
		this.done = first + count;
	}

	/** A batch for a prior. */
	batch(gpu: Gpu, indices: Uint32Array): CodeBatch {
		const { size, labels } = this;
		const { height, width } = this.grid;
		const codes = new Uint32Array(indices.length * size);
		for (const [i, index] of indices.entries())
			codes.set(this.codes.subarray(index * size, (index + 1) * size), i * size);
		return {
			codes: gpu.tensor(codes, [indices.length, height, width]),
			labels: labels === undefined ? undefined : gpu.tensor(indices.map((index) => labels[index] as number)),
		};
	}

	/** The most frequent code of each position, [h, w]. */
	commonest(numEmbeddings: number): Uint32Array {
		return Uint32Array.from({ length: this.size }, (_, position) => {
			const counts = new Uint32Array(numEmbeddings);
			for (let at = position; at < this.codes.length; at += this.size) counts[this.codes[at] as number] += 1;
			return counts.indexOf(Math.max(...counts));
		});
	}
}
