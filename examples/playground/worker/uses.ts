/** Counts the uses of something, which is freed when it has ended and nothing uses it any more. */
export class Uses {
	private count = 0;
	private ended = false;

	constructor(private readonly free: () => void) {}

	/** Runs `body`, before whose end nothing is freed. */
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
