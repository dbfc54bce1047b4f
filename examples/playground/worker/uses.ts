/** Counts uses of a resource: it is freed once `end` was called and no use is left. */
export class Uses {
	private count = 0;
	private ended = false;

	constructor(private readonly free: () => void) {}

	/** Runs `body`; nothing is freed before it has ended. */
	async hold<T>(body: () => Promise<T>): Promise<T> {
		this.count += 1;
		try {
			return await body();
		} finally {
			this.count -= 1;
			if (this.ended && this.count === 0) this.free();
		}
	}

	end(): void {
		if (this.ended) return;
		this.ended = true;
		if (this.count === 0) this.free();
	}
}
