/** Adds up the times of the parts of a command. */
export class Phases {
	private readonly seconds = new Map<string, number>();
	private readonly start = performance.now();

	/** Runs a part of the command and adds its time to that name. */
	async time<T>(name: string, body: () => Promise<T>): Promise<T> {
		const start = performance.now();
		try {
			return await body();
		} finally {
			this.seconds.set(name, (this.seconds.get(name) ?? 0) + (performance.now() - start) / 1000);
		}
	}

	/** Seconds since the start. */
	get total(): number {
		return (performance.now() - this.start) / 1000;
	}

	of(name: string): number {
		return this.seconds.get(name) ?? 0;
	}

	/** All parts of at least 0.1 s, longest first, such as "12.3 s: training 9.1 s, testing 2.0 s". */
	toString(): string {
		const parts = [...this.seconds].filter(([, seconds]) => seconds >= 0.1).sort((a, b) => b[1] - a[1]);
		const listed = parts.map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`).join(", ");
		return `${this.total.toFixed(1)} s${listed === "" ? "" : `: ${listed}`}`;
	}
}
