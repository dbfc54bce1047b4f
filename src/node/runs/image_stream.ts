import { TesseraError } from "../../base/errors.js";
import { joined } from "../images/pictures.js";
import { checkDivisible, cropped, type Preparation } from "../images/prepare_image.js";
import { type Image, scaled, withChannels } from "../images/read_image.js";
import { readAhead } from "../read_ahead.js";
import type { BadImages } from "./bad_images.js";
import type { ImageList } from "./image_list.js";

/** Height and width of images. */
export interface ImageSize {
	readonly height: number;
	readonly width: number;
}

/** Images of one size. */
export interface ImageBatch extends ImageSize {
	readonly count: number;
	readonly channels: 1 | 3;
	/** uint8 [count, channels, height, width] */
	readonly pixels: Uint8Array;
	/** [count] */
	readonly names: readonly string[];
	/** [count], if the images have classes. */
	readonly labels: readonly number[] | undefined;
}

export interface StreamOptions {
	readonly preparation: Preparation;
	/** The images from `first` to `end` of the list; all by default. */
	readonly first?: number;
	readonly end?: number;
	/** How many images of a size are in a batch. */
	readonly together: (size: ImageSize) => number;
	/** Whether images of another size than the first are bad. Otherwise a batch ends before them. */
	readonly oneSize: boolean;
	/** Whether sides that are not divisible by 4 are allowed. */
	readonly anySides?: boolean;
	readonly bad: BadImages;
}

/** Batches that are read ahead. */
const ahead = 2;

/** Reads and prepares the images of a list, in batches of one size, ahead of what they are needed for. */
export function streamImages(list: ImageList, options: StreamOptions): AsyncGenerator<ImageBatch, void, undefined> {
	return readAhead(makeBatches(list, options), ahead);
}

async function* makeBatches(list: ImageList, options: StreamOptions): AsyncGenerator<ImageBatch, void, undefined> {
	const { preparation, first = 0, end = list.names.length, together, oneSize, anySides = false, bad } = options;
	let waiting: { readonly index: number; readonly image: Image }[] = [];
	let size: (ImageSize & { readonly path: string }) | undefined;
	let most = 0;
	const take = (): ImageBatch => {
		const [{ image }] = waiting;
		const batch = {
			...image,
			count: waiting.length,
			pixels: joined(waiting.map(({ image }) => image.pixels)),
			names: waiting.map(({ index }) => list.names[index]),
			labels: list.labels && waiting.map(({ index }) => list.labels?.[index] ?? 0),
		};
		waiting = [];
		return batch;
	};
	let index = first - 1;
	for await (const listed of list.read(first, end, preparation)) {
		index++;
		if ("reason" in listed) {
			bad.add(listed.reason);
			continue;
		}
		const { path } = listed;
		const image = await prepared(listed.image, preparation);
		const reason = anySides ? undefined : reasonAgainst(path, image);
		if (reason !== undefined) {
			bad.add(reason);
			continue;
		}
		if (size === undefined || size.height !== image.height || size.width !== image.width) {
			if (size !== undefined && oneSize) {
				bad.add(
					`"${path}" is ${image.width} × ${image.height}, but "${size.path}" is ${size.width} × ${size.height}: give --size to scale and crop images to one size.`,
				);
				continue;
			}
			if (waiting.length > 0) yield take();
			size = { path, height: image.height, width: image.width };
			most = together(size);
		}
		waiting.push({ index, image });
		if (waiting.length >= most) yield take();
	}
	if (waiting.length > 0) yield take();
	bad.finish();
}

async function prepared(image: Image, { size, channels }: Preparation): Promise<Image> {
	const result = withChannels(image, channels);
	return size === undefined ? result : cropped(await scaled(result, size), size);
}

/** Why an image cannot be encoded; undefined if it can. */
function reasonAgainst(path: string, image: Image): string | undefined {
	try {
		checkDivisible(path, image);
		return undefined;
	} catch (error) {
		if (error instanceof TesseraError) return error.message;
		throw error;
	}
}
