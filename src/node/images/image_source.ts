import { ShapeError } from "../../base/errors.js";
import type { ImageSet } from "../../data/image_set.js";

/** The part of an image that is read: `side` columns and rows from the left and the top, mirrored or not. */
export interface View {
	/** From 0, the leftmost, to 1, the rightmost part. */
	readonly x: number;
	/** From 0, the highest, to 1, the lowest part. */
	readonly y: number;
	readonly flipped: boolean;
}

/** The middle of an image. */
export const centre: View = { x: 0.5, y: 0.5, flipped: false };

/** Images of one size, as bytes, that are read in parts: from memory, from files or from a cache. */
export interface ImageSource {
	readonly name: string;
	readonly count: number;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	/** [count], the class of each image. */
	readonly labels?: Uint8Array | undefined;
	/**
	 * @param views which part of each image, its middle by default
	 * @returns uint8 [indices.length, channels, height, width]
	 */
	read(indices: Uint32Array, views?: readonly View[]): Promise<Uint8Array>;
	/** All images, if they are in memory as [count, channels, height, width]. */
	readonly pixels?: Uint8Array | undefined;
	/** Frees what reading needs: threads and open files. */
	close?(): Promise<void>;
}

/** An image set in memory as a source. */
export function sourceOf(set: ImageSet): ImageSource {
	const { channels, height, width, pixels } = set;
	const size = channels * height * width;
	return {
		...set,
		async read(indices, views) {
			const images = new Uint8Array(indices.length * size);
			for (const [i, index] of indices.entries())
				copyView(
					pixels.subarray(index * size, (index + 1) * size),
					{ channels, height, width },
					views?.[i] ?? centre,
					images.subarray(i * size, (i + 1) * size),
					{ height, width },
				);
			return images;
		},
	};
}

interface Size {
	readonly height: number;
	readonly width: number;
}

/** Copies a part of an image [channels, from.height, from.width] to [channels, to.height, to.width]. */
export function copyView(
	image: Uint8Array,
	from: Size & { readonly channels: number },
	{ x, y, flipped }: View,
	target: Uint8Array,
	to: Size,
): void {
	const left = Math.round(x * (from.width - to.width));
	const top = Math.round(y * (from.height - to.height));
	for (let channel = 0; channel < from.channels; channel++)
		for (let row = 0; row < to.height; row++) {
			const start = (channel * from.height + top + row) * from.width + left;
			const at = (channel * to.height + row) * to.width;
			target.set(image.subarray(start, start + to.width), at);
			if (flipped) target.subarray(at, at + to.width).reverse();
		}
}

/** Some images of a source, in this order, as a source. */
export function selectFrom(source: ImageSource, indices: Uint32Array): ImageSource {
	const { name, channels, height, width, labels, pixels } = source;
	const size = channels * height * width;
	const chosen = labels && Uint8Array.from(indices, (index) => labels[index]);
	if (pixels !== undefined) {
		const images = new Uint8Array(indices.length * size);
		for (const [i, index] of indices.entries()) images.set(pixels.subarray(index * size, (index + 1) * size), i * size);
		const set = { name, count: indices.length, channels, height, width, pixels: images };
		return sourceOf(chosen === undefined ? set : { ...set, labels: chosen });
	}
	return {
		name,
		count: indices.length,
		channels,
		height,
		width,
		labels: chosen,
		read: (own, views) =>
			source.read(
				own.map((index) => indices[index]),
				views,
			),
	};
}

/** @throws ShapeError unless the images of both sources have one size */
export function checkSameSize(first: ImageSource, other: ImageSource): void {
	const size = ({ width, height, channels }: ImageSource) =>
		`${width} × ${height} with ${channels} channel${channels === 1 ? "" : "s"}`;
	if (size(first) !== size(other))
		throw new ShapeError(
			`"${first.name}": its training images are ${size(first)}, its test images ${size(other)}: convert them to one size and number of channels.`,
		);
}
