import { CaptureError, DisposedError } from "../base/errors.js";
import type { WebGPUBuffer } from "./webgpu.js";

/** The buffer that a storage is in. @internal */
export interface Place {
	/** Unique per buffer, so that bind groups can be cached by it; negative for the buffers of `Device.uniform`. */
	readonly id: number;
	readonly buffer: GPUBuffer;
}

/**
 * A piece of GPU memory that tensors share: a pooled buffer, the bytes of it that are in use, and how many hold it.
 * At zero holders the buffer goes back to its pool.
 */
export class Storage {
	/** Number of the last batch of commands that writes the buffer; −1 where its contents came from the host. @internal */
	writtenBatch = -1;
	/** How often the elements were overwritten; one object for memory that holds the same elements in two orders. @internal */
	changes = { count: 0 };
	private holders = 1;

	/** @internal */
	constructor(
		/** Nothing while a recorded step that made this storage has no memory yet. */
		private place: Place | undefined,
		/** Bytes in use: what a kernel sees as the binding's size. */
		readonly bytes: number,
		private readonly release: (storage: Storage) => void,
		/**
		 * Number of the last batch of commands that uses the buffer, also under an earlier holder (see `Device.write`).
		 *
		 * @internal
		 */
		public lastBatch = -1,
		/** What is in a buffer of `Device.uniform`, which never changes. @internal */
		readonly contents?: string,
	) {}

	get id(): number {
		return this.placed().id;
	}

	get buffer(): WebGPUBuffer {
		return this.placed().buffer;
	}

	get alive(): boolean {
		return this.holders > 0;
	}

	/** Whether others hold the same memory. */
	get isShared(): boolean {
		return this.holders > 1;
	}

	/** Gives a storage that was made while a step was recorded its buffer. @internal */
	moveTo(place: Place): void {
		this.place = place;
	}

	retain(): this {
		if (!this.alive) throw new DisposedError("This GPU memory was already given back.");
		this.holders++;
		return this;
	}

	free(): void {
		if (this.holders === 0) return;
		if (--this.holders === 0) this.release(this);
	}

	private placed(): Place {
		if (this.place === undefined)
			throw new CaptureError(
				"This tensor was made while a step was only being recorded, so nothing was computed into it. Return it from the step, and use it after replay().",
			);
		return this.place;
	}
}
