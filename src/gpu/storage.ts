import { DisposedError } from "./errors.js";

/**
 * A piece of GPU memory that tensors share: a pooled buffer, the bytes of it that are in use, and how many hold it.
 * At zero holders the buffer goes back to its pool.
 */
export class Storage {
	/** Number of the last batch of commands that writes the buffer; −1 where its contents came from the host. */
	writtenBatch = -1;
	private holders = 1;

	constructor(
		/** Unique per buffer, so that bind groups can be cached by it. */
		readonly id: number,
		readonly buffer: GPUBuffer,
		/** Bytes in use: what a kernel sees as the binding's size. */
		readonly bytes: number,
		private readonly release: (storage: Storage) => void,
		/** Number of the last batch of commands that uses the buffer, also under an earlier holder (see `Device.write`). */
		public lastBatch = -1,
	) {}

	get alive(): boolean {
		return this.holders > 0;
	}

	/** Whether others hold the same memory. */
	get isShared(): boolean {
		return this.holders > 1;
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
}
