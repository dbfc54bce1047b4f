import { batches } from "../../data/image_set.js";
import { gatherImages, type PackedImages, packImages } from "../../ops/images.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
import type { ImageSource, View } from "../images/image_source.js";
import { pixelShift } from "../images/pictures.js";
import { inOrder } from "../in_order.js";

/** Makes a batch, float32 [B, C, H, W], from values between −0.5 and 0.5. It belongs to the scope in which it is called. */
export type MakeBatch = () => Tensor;

/** Batches that are read ahead of the GPU. */
const ahead = 4;

/**
 * The images of a source as the network's input. Images in memory that the device can bind are kept on the GPU as bytes; others are
 * read batch by batch.
 */
export class NetworkImages {
	private readonly packed: PackedImages | undefined;

	constructor(
		private readonly gpu: Gpu,
		readonly source: ImageSource,
	) {
		const { pixels, count } = source;
		const bytes = count * 4 * Math.ceil((source.channels * source.height * source.width) / 4);
		if (pixels !== undefined && bytes <= gpu.bindableBytes) this.packed = packImages(gpu, pixels, this.shapeOf(count));
	}

	/**
	 * Makes batches in order, read ahead if they are read at all.
	 *
	 * @param viewsOf the parts of a batch's images, by default their middles; it is called in the batches' order
	 */
	async *batches(
		lists: Iterable<Uint32Array>,
		viewsOf?: (indices: Uint32Array) => readonly View[],
	): AsyncGenerator<{ readonly indices: Uint32Array; readonly batch: MakeBatch }, void, undefined> {
		const { gpu, packed, source } = this;
		if (packed !== undefined && viewsOf === undefined) {
			for (const indices of lists)
				yield {
					indices,
					batch: () => gatherImages(packed, gpu.tensor(indices, [indices.length]), { shift: pixelShift }),
				};
			return;
		}
		const read = inOrder(lists, ahead, async (indices) => ({
			indices,
			pixels: await source.read(indices, viewsOf?.(indices)),
		}));
		for await (const [, { indices, pixels }] of read)
			yield { indices, batch: () => this.unpack(pixels, indices.length) };
	}

	/** All images in order, in batches of at most `together`. */
	async *all(together: number): AsyncGenerator<MakeBatch, void, undefined> {
		for await (const { batch } of this.batches(batches(this.source.count, together))) yield batch;
	}

	/** Frees the images on the GPU. */
	dispose(): void {
		this.packed?.dispose();
	}

	private unpack(pixels: Uint8Array, count: number): Tensor {
		const { gpu } = this;
		const packed = packImages(gpu, pixels, this.shapeOf(count));
		try {
			const indices = Uint32Array.from({ length: count }, (_, i) => i);
			return gatherImages(packed, gpu.tensor(indices, [count]), { shift: pixelShift });
		} finally {
			packed.dispose();
		}
	}

	private shapeOf(count: number): readonly [number, number, number, number] {
		const { channels, height, width } = this.source;
		return [count, channels, height, width];
	}
}
