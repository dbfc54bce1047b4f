import { checkArray, wrongArgument } from "../base/arguments.js";
import { ArgumentError, CaptureError, DisposedError } from "../base/errors.js";
import type { WebGPUBuffer } from "./webgpu.js";

/** A buffer for one storage at a time. @internal */
export interface BufferSlot {
	/** Unique for each buffer, because bind groups are cached by it; negative for the buffers of `Device.uniform`. */
	readonly id: number;
	readonly buffer: GPUBuffer;
}

const noParts: readonly Storage[] = [];

/**
 * GPU memory that tensors share: a pooled buffer, the bytes of it that are in use, and a reference count. At zero references the
 * buffer returns to its pool.
 *
 * Storages can be parts of one whole (gpu/join.ts): ranges of its buffer, which a kernel can bind as one.
 */
export class Storage {
	/** Number of the last batch of commands that writes the buffer; −1 if the host wrote its contents. @internal */
	writtenBatch = -1;
	/** How often the elements were overwritten; one object for memory that holds the same elements in two orders. @internal */
	changes = { count: 0 };
	/** Where it starts in its buffer, in bytes. */
	offset = 0;
	/** The storage of which this one is a part. @internal */
	whole: Storage | undefined;
	/** Its parts. @internal */
	parts: readonly Storage[] = noParts;
	private references = 1;

	/** @internal */
	constructor(
		/** Undefined for a storage that was allocated in a trace, until a replay gives it a buffer. */
		private slot: BufferSlot | undefined,
		/** Bytes in use: the binding's size. */
		readonly bytes: number,
		private release: (storage: Storage) => void,
		/**
		 * Number of the last batch of commands that uses the buffer, also those of an earlier storage in the same buffer.
		 *
		 * @internal
		 */
		public lastBatch = -1,
		/** The contents of a buffer of `Device.uniform`, which never change. @internal */
		readonly contents?: string,
	) {}

	get id(): number {
		return this.allocated().id;
	}

	get buffer(): WebGPUBuffer {
		return this.allocated().buffer;
	}

	get alive(): boolean {
		return this.references > 0;
	}

	/** Whether there are several references. */
	get isShared(): boolean {
		return this.references > 1;
	}

	/** Gives a storage that was allocated in a trace its buffer. @internal */
	moveTo(slot: BufferSlot): void {
		this.slot = slot;
	}

	/** Adds a reference; `free` removes it. */
	retain(): this {
		if (!this.alive) throw new DisposedError("storage.retain: this memory was already freed.");
		this.references++;
		return this;
	}

	/** Removes a reference. */
	free(): void {
		if (this.references === 0 || --this.references > 0) return;
		const { whole } = this;
		this.release(this);
		if (whole === undefined) return;
		whole.lastBatch = Math.max(whole.lastBatch, this.lastBatch);
		whole.free();
	}

	/**
	 * Makes this storage a part of another one, which it holds from now on. Its own buffer is released.
	 *
	 * @internal
	 */
	moveInto(whole: Storage, offset: number): void {
		if (this.slot !== undefined) {
			this.release(this);
			this.release = () => undefined;
			this.slot = undefined;
		}
		this.whole = whole.retain();
		this.offset = offset;
	}

	private allocated(): BufferSlot {
		if (this.whole !== undefined) return this.whole.allocated();
		if (this.slot === undefined)
			throw new CaptureError(
				"This tensor was made while a step was traced, so nothing was computed into it. Return it from the step, and use it after replay().",
			);
		return this.slot;
	}
}

/** @throws ArgumentError unless the value is an array of storages @internal */
export function checkStorages(caller: string, name: string, storages: readonly Storage[]): void {
	checkArray(caller, name, storages, "an array of storages");
	for (let i = 0; i < storages.length; i++)
		if (!(storages[i] instanceof Storage)) throw wrongArgument(caller, `${name}[${i}]`, storageWanted, storages[i]);
}

/** For error messages. @internal */
export const storageWanted = "a storage, as of tensor.memory()";

/** @throws ArgumentError for a buffer of `Device.uniform`, which is shared with others that have the same contents @internal */
export function checkWritable(caller: string, storage: Storage): void {
	if (storage.contents !== undefined)
		throw new ArgumentError(
			`${caller}: a constant cannot be overwritten: use a tensor of gpu.tensor() instead of gpu.constant().`,
		);
}
