import type { DeviceMemory } from "./device_memory.js";
import { Storage } from "./storage.js";
import { bufferUsage, type WebGPUDevice } from "./webgpu.js";
import type { WorkInFlight } from "./work_in_flight.js";

const cachedStorages = 512;

/** A buffer that no storage holds. */
interface FreeBuffer {
	readonly id: number;
	readonly buffer: GPUBuffer;
	/** Number of the last batch of commands that used it. */
	readonly lastBatch: number;
}

/**
 * Small buffers for the scalars of kernels, by their contents: the same words give the same buffer, so a step that repeats its
 * scalars creates and uploads nothing. The 512 that were used last are kept. The buffers of those that are dropped get new
 * contents; none is destroyed, because drivers free a destroyed buffer and its bind groups only when the host waits.
 * @internal
 */
export class Uniforms {
	private readonly byContents = new Map<string, Storage>();
	/** By capacity, longest free first. */
	private readonly free = new Map<number, FreeBuffer[]>();
	/** Negative, so that they differ from those of the buffer pool. */
	private nextId = -1;

	constructor(
		private readonly device: WebGPUDevice,
		private readonly memory: DeviceMemory,
		private readonly work: WorkInFlight,
	) {}

	get(words: Float32Array | Uint32Array | Int32Array): Storage {
		const key = String.fromCharCode(...new Uint16Array(words.buffer, words.byteOffset, 2 * words.length));
		const cached = this.byContents.get(key);
		if (cached !== undefined) {
			this.byContents.delete(key);
			this.byContents.set(key, cached);
			return cached;
		}
		if (this.byContents.size >= cachedStorages) this.dropOldest();
		const capacity = Math.ceil(words.byteLength / 16) * 16;
		const { id, buffer, lastBatch } = this.acquire(capacity);
		this.work.countUpload(words.byteLength);
		this.device.queue.writeBuffer(buffer, 0, words as typeof words & ArrayBufferView<ArrayBuffer>);
		const release = (storage: Storage) => this.release(capacity, { id, buffer, lastBatch: storage.lastBatch });
		const storage = new Storage({ id, buffer }, words.byteLength, release, lastBatch, key);
		this.byContents.set(key, storage);
		return storage;
	}

	/** A free buffer that the batch that is encoded now does not read: the upload comes before those commands. */
	private acquire(capacity: number): FreeBuffer {
		const list = this.free.get(capacity);
		const [first] = list ?? [];
		if (list === undefined || first === undefined || first.lastBatch >= this.work.batch)
			return {
				id: this.nextId--,
				buffer: this.memory.createBuffer(capacity, bufferUsage.uniform | bufferUsage.storage),
				lastBatch: -1,
			};
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
