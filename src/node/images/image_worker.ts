import { openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { copyView, type View } from "./image_source.js";

/** The cache file that a thread reads; see `ImageCache`. */
export interface WorkerCache {
	readonly path: string;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	readonly sizes: Uint32Array;
	readonly offsets: Float64Array;
}

export interface ReadRequest {
	readonly id: number;
	readonly indices: Uint32Array;
	readonly views: readonly View[];
}

/** The images of a request, or why they cannot be read. */
export interface ReadAnswer {
	readonly id: number;
	readonly images?: Uint8Array;
	readonly error?: string;
}

const { path, channels, height, width, sizes, offsets } = workerData as WorkerCache;
let file: number | undefined;

parentPort?.on("message", ({ id, indices, views }: ReadRequest) => {
	try {
		const images = readImages(indices, views);
		parentPort?.postMessage({ id, images } satisfies ReadAnswer, [images.buffer as ArrayBuffer]);
	} catch (error) {
		parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies ReadAnswer);
	}
});

function readImages(indices: Uint32Array, views: readonly View[]): Uint8Array {
	file ??= openSync(path, "r");
	const size = channels * height * width;
	const images = new Uint8Array(indices.length * size);
	for (const [i, index] of indices.entries()) {
		const from = { channels, width: sizes[2 * index], height: sizes[2 * index + 1] };
		const bytes = Buffer.allocUnsafe(channels * from.width * from.height);
		const read = readSync(file, bytes, 0, bytes.length, offsets[index]);
		if (read !== bytes.length) throw new Error("it is truncated");
		copyView(bytes, from, views[i], images.subarray(i * size, (i + 1) * size), { height, width });
	}
	return images;
}
