import { Storage } from "./storage.js";

const cachedStorages = 512;

/** A buffer that no storage holds. */
interface FreeBuffer {
	readonly id: number;
	readonly buffer: GPUBuffer;
	/** Number of the last batch of commands that used it. */
	readonly lastBatch: number;
}

/**
 * Small buffers for the scalars of kernels, by their contents: the same words give the same buffer, so a step that repeats
 * its scalars creates and uploads nothing. The last 512 are kept. The buffers of those that are dropped get new contents;
 * none is destroyed, because drivers free a destroyed buffer and its bind groups only when the host waits.
 * @internal
 */
export class Uniforms {
	private readonly byContents = new Map<string, Storage>();
	/** By capacity, longest free first. */
	private readonly free = new Map<number, FreeBuffer[]>();
	/** Negative, so that they differ from those of the buffer pool. */
	private nextId = -1;

	constructor(
		private readonly create: (capacity: number) => GPUBuffer,
		/** `queue.writeBuffer`: it acts before commands that are recorded but not submitted. */
		private readonly upload: (buffer: GPUBuffer, words: Uint32Array) => void,
	) {}

	/** @param batch the number of the batch of commands that is being recorded */
	get(words: Float32Array | Uint32Array | Int32Array, batch: number): Storage {
		const key = String.fromCharCode(...new Uint16Array(words.buffer, words.byteOffset, 2 * words.length));
		const cached = this.byContents.get(key);
		if (cached !== undefined) {
			this.byContents.delete(key);
			this.byContents.set(key, cached);
			return cached;
		}
		if (this.byContents.size >= cachedStorages) this.dropOldest();
		const capacity = Math.ceil(words.byteLength / 16) * 16;
		const { id, buffer, lastBatch } = this.acquire(capacity, batch);
		this.upload(buffer, new Uint32Array(words.buffer, words.byteOffset, words.length));
		const release = (storage: Storage) => this.release(capacity, { id, buffer, lastBatch: storage.lastBatch });
		const storage = new Storage({ id, buffer }, words.byteLength, release, lastBatch, key);
		this.byContents.set(key, storage);
		return storage;
	}

	/** A free buffer that the batch being recorded does not read: the upload would act before those commands. */
	private acquire(capacity: number, batch: number): FreeBuffer {
		const list = this.free.get(capacity);
		const [first] = list ?? [];
		if (list === undefined || first === undefined || first.lastBatch >= batch)
			return { id: this.nextId--, buffer: this.create(capacity), lastBatch: -1 };
		list.shift();
		return first;
	}

	private release(capacity: number, buffer: FreeBuffer): void {
		const list = this.free.get(capacity);
		if (list === undefined) this.free.set(capacity, [buffer]);
		else list.push(buffer);
	}

	private dropOldest(): void {
		const [key, storage] = this.byContents.entries().next().value as [string, Storage];
		this.byContents.delete(key);
		storage.free();
	}
}
