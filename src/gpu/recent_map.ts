/**
 * A map of the most recently used entries: at least `limit` of them, at most twice as many.
 *
 * It has two halves. An entry that is added or found moves to the newer half. When that is full, it becomes the older one, and
 * the entries left in the older one are dropped. Finding an entry in the newer half, as a steady step does, costs one look-up.
 * @internal
 */
export class RecentMap<V> {
	private newer = new Map<string, V>();
	private older = new Map<string, V>();

	constructor(
		private readonly limit: number,
		/** Called for each entry that is dropped. */
		private readonly dropped: (key: string, value: V) => void = () => undefined,
	) {}

	get size(): number {
		return this.newer.size + this.older.size;
	}

	get(key: string): V | undefined {
		const found = this.newer.get(key);
		if (found !== undefined) return found;
		const old = this.older.get(key);
		if (old !== undefined) {
			this.older.delete(key);
			this.set(key, old);
		}
		return old;
	}

	/** Adds an entry that is not there. */
	set(key: string, value: V): void {
		if (this.newer.size >= this.limit) {
			const { older } = this;
			this.older = this.newer;
			this.newer = new Map();
			for (const [oldKey, old] of older) this.dropped(oldKey, old);
		}
		this.newer.set(key, value);
	}

	delete(key: string): void {
		if (!this.newer.delete(key)) this.older.delete(key);
	}
}
