import type { ImageSet } from "../../data/image_set.js";
import { inOrder } from "../in_order.js";
import { cropped } from "./prepare_image.js";
import { type Image, scaled, withChannels } from "./read_image.js";

/**
 * A set whose images are scaled, cropped to squares and given a number of channels, as `readPrepared` does with files.
 *
 * @param progress called with the number of images that are done
 */
export async function prepareSet(
	set: ImageSet,
	size: number | undefined,
	channels: number | undefined,
	progress: (done: number) => void,
): Promise<ImageSet> {
	const { count, height, width, pixels } = set;
	const before = set.channels as 1 | 3;
	const after = channels ?? before;
	const isSized = size === undefined || (height === size && width === size);
	if (isSized && after === before) return set;
	const [rows, columns] = size === undefined ? [height, width] : [size, size];
	const bytes = after * rows * columns;
	const prepared = new Uint8Array(count * bytes);
	const imageAt = (i: number): Image => ({
		channels: before,
		height,
		width,
		pixels: pixels.subarray(i * before * height * width, (i + 1) * before * height * width),
	});
	const results = inOrder(Array(count).keys(), 16, async (i) => {
		const image = withChannels(imageAt(i), after);
		return size === undefined ? image : cropped(await scaled(image, size), size);
	});
	for await (const [i, image] of results) {
		prepared.set(image.pixels, i * bytes);
		progress(i + 1);
	}
	return { ...set, channels: after, height: rows, width: columns, pixels: prepared };
}
