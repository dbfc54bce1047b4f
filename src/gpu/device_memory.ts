import { OutOfMemoryError } from "../base/errors.js";
import { BufferPool } from "./buffer_pool.js";
import type { LateErrors } from "./late_errors.js";
import { Storage } from "./storage.js";
import { bufferUsage, type WebGPUDevice } from "./webgpu.js";
import type { WorkInFlight } from "./work_in_flight.js";

/**
 * Creates the device's buffers, and counts them. Storages are in pooled buffers.
 * @internal
 */
export class DeviceMemory {
	readonly pool: BufferPool;
	/** How many buffers were created. */
	created = 0;

	constructor(
		private readonly device: WebGPUDevice,
		private readonly work: WorkInFlight,
		private readonly errors: LateErrors,
		freeLimit: number,
		/** Called before a pooled buffer is destroyed, with the last batch that uses it. */
		beforeDestroy: (id: number, lastBatch: number) => void,
	) {
		this.pool = new BufferPool((bytes) => this.createBuffer(bytes, bufferUsage.storage), beforeDestroy, freeLimit);
	}

	allocate(bytes: number): Storage {
		const slot = this.pool.acquire(bytes);
		return new Storage(slot, bytes, (storage) => this.pool.release(storage.id, storage.lastBatch), slot.lastBatch);
	}

	/** A buffer that the host writes and from which it copies; an OutOfMemoryError is thrown late. */
	createBuffer(size: number, usage: number): GPUBuffer {
		this.device.pushErrorScope("out-of-memory");
		const buffer = this.create(size, usage | bufferUsage.copySource | bufferUsage.copyDestination);
		const { bytes } = this.pool.use();
		this.errors.watch(
			this.device.popErrorScope().then((error) => {
				if (error === null) return undefined;
				this.pool.discard(buffer);
				return new OutOfMemoryError(
					`The GPU has no memory for a buffer of ${size} bytes (${bytes} bytes are allocated). Use a smaller batch, or dispose of tensors.`,
				);
			}),
		);
		return buffer;
	}

	/** A buffer through which the host reads. */
	createStagingBuffer(size: number): GPUBuffer {
		return this.create(size, bufferUsage.mapRead | bufferUsage.copyDestination);
	}

	private create(size: number, usage: number): GPUBuffer {
		this.created++;
		this.work.countObject();
		return this.device.createBuffer({ size, usage });
	}
}
