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
	const { preparation, first = 0, end = list.names.length, bad } = options;
	const batcher = new Batcher(list, options);
	let index = first;
	for await (const listed of list.read(first, end, preparation)) {
		if ("reason" in listed) {
			bad.add(listed.reason);
			index++;
		} else if (isPrepared(listed, preparation)) {
			yield* batcher.add(listed.path, index, listed.count, listed);
			index += listed.count;
		} else
			for (let i = 0; i < listed.count; i++)
				yield* batcher.add(listed.path, index++, 1, await prepared(imageOf(listed, i), preparation));
	}
	yield* batcher.rest();
	bad.finish();
}

/** Images that wait until there are enough for a batch. */
interface Waiting {
	readonly index: number;
	readonly count: number;
	readonly pixels: Uint8Array;
}

/** Puts images of one size together. */
class Batcher {
	private waiting: Waiting[] = [];
	private held = 0;
	private most = 0;
	private size: (Omit<Image, "pixels"> & { readonly path: string }) | undefined;

	constructor(
		private readonly list: ImageList,
		private readonly options: StreamOptions,
	) {}

	/** Adds images that follow each other in the list, the first of which has this index. Yields the batches that become full. */
	*add(path: string, index: number, count: number, images: Image): Generator<ImageBatch> {
		const { together, oneSize, anySides = false, bad } = this.options;
		const { channels, height, width, pixels } = images;
		const reason =
			(anySides ? undefined : reasonAgainst(path, images)) ?? (oneSize ? this.otherSize(path, images) : undefined);
		if (reason !== undefined) {
			for (let i = 0; i < count; i++) bad.add(reason);
			return;
		}
		if (this.size?.height !== height || this.size.width !== width) {
			yield* this.rest();
			this.size = { path, channels, height, width };
			this.most = together({ height, width });
		}
		const bytes = channels * height * width;
		for (let taken = 0; taken < count; ) {
			const part = Math.min(count - taken, this.most - this.held);
			const own = pixels.subarray(taken * bytes, (taken + part) * bytes);
			this.waiting.push({ index: index + taken, count: part, pixels: own });
			this.held += part;
			taken += part;
			if (this.held === this.most) yield* this.rest();
		}
	}

	/** Yields what waits. */
	*rest(): Generator<ImageBatch> {
		const { size, waiting, held, list } = this;
		if (size === undefined || held === 0) return;
		this.waiting = [];
		this.held = 0;
		const { channels, height, width } = size;
		const ofAll = <T>(values: ArrayLike<T>): T[] =>
			waiting.flatMap(({ index, count }) => Array.from({ length: count }, (_, i) => values[index + i]));
		const parts = waiting.map(({ pixels }) => pixels);
		yield {
			count: held,
			channels,
			height,
			width,
			pixels: parts.length === 1 ? parts[0] : joined(parts),
			names: ofAll(list.names),
			labels: list.labels && ofAll(list.labels),
		};
	}

	/** Why an image cannot be in a batch with those before it; undefined if it can. */
	private otherSize(path: string, { height, width }: ImageSize): string | undefined {
		const { size } = this;
		if (size === undefined || (size.height === height && size.width === width)) return undefined;
		return `"${path}" is ${width} × ${height}, but "${size.path}" is ${size.width} × ${size.height}: give --size to scale and crop images to one size.`;
	}
}

/** One of several images. */
function imageOf({ channels, height, width, pixels }: Image, i: number): Image {
	const size = channels * height * width;
	return { channels, height, width, pixels: pixels.subarray(i * size, (i + 1) * size) };
}

/** Whether images need neither scaling nor other channels. */
function isPrepared(image: Omit<Image, "pixels">, { size, channels }: Preparation): boolean {
	return image.channels === channels && (size === undefined || (image.height === size && image.width === size));
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
