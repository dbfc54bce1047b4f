import { open } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { DataError } from "../../base/errors.js";
import { fileError } from "../files.js";
import { type ImageCache, offsetsOf } from "./image_cache.js";
import { centre, type ImageSource, type View } from "./image_source.js";
import type { ReadAnswer, ReadRequest, WorkerCache } from "./image_worker.js";
import workerSource from "./image_worker.ts?thread";

/** The images of a cache file as a source that a thread of its own reads, so that the main thread only launches kernels. */
export function cachedImages(
	name: string,
	cache: ImageCache,
	labels: Uint8Array | undefined,
): ImageSource & { close(): Promise<void> } {
	const { count, channels, height, width } = cache;
	let reader: CacheReader | undefined;
	return {
		name,
		count,
		channels,
		height,
		width,
		labels,
		read(indices, views = Array.from(indices, () => centre)) {
			reader ??= new CacheReader(cache);
			return reader.read(indices, views);
		},
		async close() {
			await reader?.close();
			reader = undefined;
		},
	};
}

/** All images of a cache file whose images have one size, in memory. */
export async function pixelsOf(cache: ImageCache): Promise<Uint8Array> {
	const { path, count, channels, height, width } = cache;
	const pixels = new Uint8Array(count * channels * height * width);
	const [start] = offsetsOf(cache);
	try {
		const file = await open(path, "r");
		try {
			for (let at = 0; at < pixels.length; ) {
				const { bytesRead } = await file.read(pixels, at, Math.min(2 ** 30, pixels.length - at), start + at);
				if (bytesRead === 0) throw new DataError(`"${path}" is truncated: delete it, and start again.`);
				at += bytesRead;
			}
		} finally {
			await file.close();
		}
	} catch (error) {
		throw fileError(path, error, "read");
	}
	return pixels;
}

/** A thread that reads images from a cache file. */
class CacheReader {
	private readonly worker: Worker;
	private readonly waiting = new Map<
		number,
		{ readonly resolve: (images: Uint8Array) => void; readonly reject: (error: Error) => void }
	>();
	private requests = 0;

	constructor(cache: ImageCache) {
		const { path, channels, height, width, sizes } = cache;
		const workerData: WorkerCache = { path, channels, height, width, sizes, offsets: offsetsOf(cache) };
		this.worker = new Worker(workerSource, { eval: true, workerData });
		this.worker.unref();
		this.worker.on("message", ({ id, images, error }: ReadAnswer) => {
			const request = this.waiting.get(id);
			this.waiting.delete(id);
			if (this.waiting.size === 0) this.worker.unref();
			if (images === undefined) request?.reject(new DataError(`"${path}" could not be read: ${error}.`));
			else request?.resolve(images);
		});
		this.worker.on("error", (error) => this.fail(new DataError(`The thread that reads "${path}" failed: ${error}`)));
		this.worker.on("exit", () => this.fail(new DataError(`The thread that reads "${path}" has ended.`)));
	}

	read(indices: Uint32Array, views: readonly View[]): Promise<Uint8Array> {
		const id = this.requests++;
		const request: ReadRequest = { id, indices: indices.slice(), views };
		return new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve, reject });
			this.worker.ref();
			this.worker.postMessage(request);
		});
	}

	async close(): Promise<void> {
		await this.worker.terminate();
	}

	private fail(error: Error): void {
		for (const { reject } of this.waiting.values()) reject(error);
		this.waiting.clear();
	}
}
