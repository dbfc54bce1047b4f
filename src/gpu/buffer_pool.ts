interface PooledBuffer {
	readonly id: number;
	readonly buffer: GPUBuffer;
	readonly capacity: number;
	/** Number of the last batch of commands that used it. */
	lastBatch: number;
}

/** How many buffers may be free. */
const mostFree = 16_384;

/** Buffers and bytes that are in use and that are free. */
export interface MemoryUse {
	/** Buffers that tensors and captured steps hold. */
	readonly buffers: number;
	/** Bytes of those buffers, as allocated. */
	readonly bytes: number;
	/** Buffers that are free in the pool. */
	readonly pooledBuffers: number;
	readonly pooledBytes: number;
}

/**
 * The size of a buffer for so many bytes: a multiple of an eighth of a power of two, at least 256. At most an eighth is unused, and
 * tensors of about the same size can share buffers.
 * @internal
 */
export function sizeClass(bytes: number): number {
	if (bytes <= 256) return 256;
	const step = 2 ** Math.max(Math.ceil(Math.log2(bytes)) - 4, 4);
	return Math.ceil(bytes / step) * step;
}

/**
 * Storage buffers by size class. The free buffer with the lowest id is always taken first. So a step that starts with the same free
 * buffers gets the same buffers in the same order, and finds its bind groups in the cache.
 *
 * If more than `freeLimit` bytes or 16,384 buffers are free, some are destroyed, the least recently used first: the pool shrinks
 * after a large step.
 * @internal
 */
export class BufferPool {
	private readonly free = new Map<number, PooledBuffer[]>();
	private readonly inUse = new Map<number, PooledBuffer>();
	/** Buffers that the GPU could not allocate; none of them is reused. */
	private readonly broken = new WeakSet<GPUBuffer>();
	private nextId = 0;
	private usedBytes = 0;
	private freeBytes = 0;
	private freeCount = 0;

	constructor(
		private readonly create: (bytes: number) => GPUBuffer,
		/** Called before a buffer is destroyed; it submits commands that use the buffer. */
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
		// Several at once, because each call sorts all of them.
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

	/** Destroys free buffers, the least recently used first, until at most `keepBytes` and `keepCount` are free. */
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

	/** Buffers in use. */
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
