import { LimitError, ShapeError } from "../../base/errors.js";
import type { ImageSet } from "../../data/image_set.js";
import { type Image, readImage, withChannels } from "../images/read_image.js";
import { inOrder } from "../in_order.js";
import type { FolderPart } from "./folder_parts.js";

/** Called with the number of files of a folder that have been read. */
export type ReadingProgress = (folder: string, done: number, total: number) => void;

/** The most bytes of all images together: 2 GiB, the most that a device can bind. */
const mostValues = 2 ** 31;
const inFlight = 8;

/**
 * Reads image files of one size into memory. Grey images become RGB if any image is RGB.
 *
 * @throws ShapeError naming the first two images that differ in size; LimitError if the images have more than 2³¹ values
 * together; FormatError or DataError naming an image that cannot be read
 */
export async function readFolderPart(
	name: string,
	{ folder, files, labels }: FolderPart,
	progress?: ReadingProgress,
): Promise<ImageSet> {
	const images: Image[] = [];
	for await (const [i, image] of inOrder(files, inFlight, (file) => readImage(file))) {
		images.push(image);
		progress?.(folder, images.length, files.length);
		const [first] = images;
		const values = files.length * first.pixels.length;
		if (values > mostValues)
			throw new LimitError(
				`${files.length} images like "${files[0]}" have ${values} values, but at most ${mostValues} are read: scale them down, or use fewer.`,
			);
		if (image.width !== first.width || image.height !== first.height)
			throw new ShapeError(
				`The images have different sizes: "${files[0]}" is ${first.width} × ${first.height}, "${files[i]}" is ${image.width} × ${image.height}. Scale them to one size first.`,
			);
	}
	const [{ height, width }] = images;
	const channels = images.some((image) => image.channels === 3) ? 3 : 1;
	const size = channels * height * width;
	const pixels = new Uint8Array(images.length * size);
	for (const [i, image] of images.entries()) pixels.set(withChannels(image, channels).pixels, i * size);
	const set = { name, count: images.length, channels, height, width, pixels };
	return labels === undefined ? set : { ...set, labels };
}
