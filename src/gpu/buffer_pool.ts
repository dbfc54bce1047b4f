interface PooledBuffer {
	readonly id: number;
	readonly buffer: GPUBuffer;
	readonly capacity: number;
	/** Number of the last batch of commands that used it. */
	lastBatch: number;
}

/** How many buffers may lie free. */
const mostFree = 16_384;

/** What is alive and what lies free, in buffers and bytes. */
export interface MemoryUse {
	/** Buffers that tensors and captured steps hold. */
	readonly buffers: number;
	/** Bytes of those buffers, as allocated. */
	readonly bytes: number;
	/** Buffers that lie free in the pool, ready for use again. */
	readonly pooledBuffers: number;
	readonly pooledBytes: number;
}

/**
 * Sizes in eighths of a power of two: at most an eighth is wasted, and tensors of about the same size share buffers.
 * The smallest class is 256 bytes.
 * @internal
 */
export function sizeClass(bytes: number): number {
	if (bytes <= 256) return 256;
	const step = 2 ** Math.max(Math.ceil(Math.log2(bytes)) - 4, 4);
	return Math.ceil(bytes / step) * step;
}

/**
 * Storage buffers by size class. The free buffer with the lowest id is always taken first: a step that starts with the
 * same free set therefore gets the same buffers in the same order, and finds its bind groups in the cache.
 *
 * Free buffers over `freeLimit` bytes, or over 16,384 in number, are destroyed, longest unused first, so the pool shrinks after
 * a large step.
 * @internal
 */
export class BufferPool {
	private readonly free = new Map<number, PooledBuffer[]>();
	private readonly inUse = new Map<number, PooledBuffer>();
	/** Buffers that the GPU could not allocate after all; none of them is given out twice. */
	private readonly broken = new WeakSet<GPUBuffer>();
	private nextId = 0;
	private usedBytes = 0;
	private freeBytes = 0;
	private freeCount = 0;

	constructor(
		private readonly create: (bytes: number) => GPUBuffer,
		/** Called before a buffer is destroyed; it must see to it that no recorded command still needs it. */
		private readonly beforeDestroy: (id: number, lastBatch: number) => void,
		private readonly freeLimit: number,
	) {}

	acquire(bytes: number): { id: number; buffer: GPUBuffer; lastBatch: number } {
		const capacity = sizeClass(bytes);
		const list = this.free.get(capacity);
		let entry: PooledBuffer;
		if (list !== undefined && list.length > 0) {
			entry = list.shift() as PooledBuffer;
			this.freeBytes -= capacity;
			this.freeCount--;
		} else {
			entry = { id: this.nextId++, buffer: this.create(capacity), capacity, lastBatch: -1 };
		}
		this.inUse.set(entry.id, entry);
		this.usedBytes += capacity;
		return entry;
	}

	release(id: number, lastBatch: number): void {
		const entry = this.inUse.get(id);
		if (entry === undefined) return;
		this.inUse.delete(id);
		entry.lastBatch = lastBatch;
		this.usedBytes -= entry.capacity;
		if (this.broken.has(entry.buffer)) {
			this.destroy(entry);
			return;
		}
		this.freeBytes += entry.capacity;
		this.freeCount++;
		const list = this.free.get(entry.capacity);
		if (list === undefined) this.free.set(entry.capacity, [entry]);
		else {
			let at = list.length;
			while (at > 0 && list[at - 1].id > id) at--;
			list.splice(at, 0, entry);
		}
		// Some more at once: each time costs a look at all of them.
		if (this.freeCount > mostFree) this.trim(this.freeLimit, (7 / 8) * mostFree);
		if (this.freeBytes > this.freeLimit) this.trim(this.freeLimit);
	}

	/** Takes a buffer that could not be allocated out of use. */
	discard(buffer: GPUBuffer): void {
		this.broken.add(buffer);
		for (const list of this.free.values()) {
			const at = list.findIndex((entry) => entry.buffer === buffer);
			if (at < 0) continue;
			const [entry] = list.splice(at, 1) as [PooledBuffer];
			this.freeBytes -= entry.capacity;
			this.freeCount--;
			this.destroy(entry);
		}
	}

	/** Destroys free buffers, longest unused first, until at most so many and so many bytes lie free. */
	trim(keepBytes = 0, keepCount = mostFree): void {
		const candidates = [...this.free.values()]
			.flat()
			.sort((a, b) => a.lastBatch - b.lastBatch || b.capacity - a.capacity);
		for (const entry of candidates) {
			if (this.freeBytes <= keepBytes && this.freeCount <= keepCount) break;
			const list = this.free.get(entry.capacity) as PooledBuffer[];
			list.splice(list.indexOf(entry), 1);
			this.freeBytes -= entry.capacity;
			this.freeCount--;
			this.destroy(entry);
		}
	}

	private destroy(entry: PooledBuffer): void {
		this.beforeDestroy(entry.id, entry.lastBatch);
		entry.buffer.destroy();
	}

	/** Buffers that are held. */
	get held(): number {
		return this.inUse.size;
	}

	use(): MemoryUse {
		return {
			buffers: this.inUse.size,
			bytes: this.usedBytes,
			pooledBuffers: this.freeCount,
			pooledBytes: this.freeBytes,
		};
	}
}
