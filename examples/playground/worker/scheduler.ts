/** Something that trains. Only one of them does so at a time, since there is one GPU. */
export interface Activity {
	/** One piece of work: a few short steps, or one long one. */
	advance(): Promise<void>;
	/** `advance` has thrown; the activity has been stopped. */
	failed(error: unknown): void;
	/** It was stopped, by itself or because something else begins, which waits for the promise. */
	stopped?(): void | Promise<void>;
}

/** How long training waits after the user has asked for something, on an adapter that computes on the CPU, in milliseconds. */
const courtesy = 250;

/** Runs one activity at a time, and lets the page's requests come first. */
export class Scheduler {
	private current: Activity | undefined;
	private running: Promise<void> = Promise.resolve();
	/** Counts starts and stops, so that a loop notices that it has been replaced, also by the same activity. */
	private turn = 0;
	private lastRequest = Number.NEGATIVE_INFINITY;
	private requests = 0;
	/** Whether everything waits, for example because the tab is hidden. */
	private held = false;
	private wake: () => void = () => {};
	private readonly channel = new MessageChannel();
	private afterMessages: () => void = () => {};

	/** @param isSlow whether the adapter computes on the CPU */
	constructor(private readonly isSlow: () => boolean) {
		this.channel.port1.onmessage = () => this.afterMessages();
	}

	get active(): Activity | undefined {
		return this.current;
	}

	/**
	 * Starts an activity once the one before has ended, after its piece of work.
	 *
	 * @returns whether it has started: not if something else was started or stopped meanwhile
	 */
	async start(activity: Activity): Promise<boolean> {
		if (this.current === activity) return true;
		const before = this.running;
		this.current = activity;
		this.turn += 1;
		const { turn } = this;
		this.wake();
		this.running = before.then(() => this.loop(activity, turn));
		await before;
		return this.turn === turn;
	}

	/** Ends the activity, if it is this one or none is named, after its piece of work. */
	async stop(activity?: Activity): Promise<void> {
		if (activity !== undefined && this.current !== activity) return;
		this.current = undefined;
		this.turn += 1;
		this.wake();
		await this.running;
	}

	hold(held: boolean): void {
		this.held = held;
		this.wake();
	}

	/** Answers a request of the page; on a slow adapter training waits for it and for a moment more. */
	async answer<T>(request: () => Promise<T>): Promise<T> {
		this.requests += 1;
		this.lastRequest = performance.now();
		try {
			return await request();
		} finally {
			this.requests -= 1;
			this.lastRequest = performance.now();
		}
	}

	private async loop(activity: Activity, turn: number): Promise<void> {
		try {
			while (this.turn === turn) {
				await this.messages();
				if (this.turn !== turn) break;
				if (this.held) {
					await this.sleep(1e6);
					continue;
				}
				const wait = this.isSlow() ? this.lastRequest + courtesy - performance.now() : 0;
				if (this.requests > 0 && this.isSlow()) await this.sleep(20);
				else if (wait > 0) await this.sleep(wait);
				else await activity.advance();
			}
			await activity.stopped?.();
		} catch (error) {
			if (this.turn === turn) this.current = undefined;
			activity.failed(error);
		}
	}

	/** Waits until the messages that have arrived were handled. */
	private messages(): Promise<void> {
		return new Promise((resolve) => {
			this.afterMessages = resolve;
			this.channel.port2.postMessage(0);
		});
	}

	/** Waits; ends early if an activity is started, stopped or held. */
	sleep(milliseconds: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, milliseconds);
			this.wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}
}
