/** Steps of a window: the least number of live buffers in it is compared. */
const windowSteps = 250;
/** This many consecutive windows must have grown, each by at least `leastGrowth` buffers. */
const growingWindows = 4;
const leastGrowth = 100;

/**
 * Warns of a loop whose tensors are never freed: the number of live buffers then grows by about as much with every step. The
 * least number in each window is compared, so buffers that a step allocates and frees do not count.
 * @internal
 */
export class GrowthWatch {
	private steps = 0;
	private least = Number.POSITIVE_INFINITY;
	/** The least number of the windows since the last one that did not grow. */
	private readonly leasts: number[] = [];
	private warned = false;

	constructor(private readonly warn: (message: string) => void) {}

	/** A step starts or ends, and this many buffers are alive. */
	step(alive: number): void {
		if (alive < this.least) this.least = alive;
		if (++this.steps % windowSteps !== 0) return;
		this.endWindow();
	}

	private endWindow(): void {
		const { least, leasts } = this;
		if (least < (leasts.at(-1) ?? 0) + leastGrowth) leasts.length = 0;
		leasts.push(least);
		this.least = Number.POSITIVE_INFINITY;
		if (this.warned || leasts.length <= growingWindows) return;
		this.warned = true;
		const grown = least - leasts[0];
		const steps = growingWindows * windowSteps;
		this.warn(
			`Tessera: ${grown} more tensors are alive than ${steps} steps ago, and they grow in number with every step. Write the step in gpu.scope(() => …), which frees what it makes but does not return, or dispose of what you keep.`,
		);
	}
}
