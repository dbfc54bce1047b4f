/** Something that trains. Only one of them does so at a time, since there is one GPU. */
export interface Activity {
	/** A short piece of work: a few steps, or one that takes long. */
	advance(): Promise<void>;
	/** `advance` has thrown; the activity has been stopped. */
	failed(error: unknown): void;
	/** It was stopped, by itself or because something else begins. */
	stopped?(): void;
}

/** How long training waits after the user has asked for something, on an adapter that computes on the CPU, in milliseconds. */
const courtesy = 250;

/** Runs one activity at a time, and lets the page's requests come first. */
export class Scheduler {
	private current: Activity | undefined;
	private running: Promise<void> | undefined;
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

	/** Starts an activity; the one before ends after its piece of work. */
	async start(activity: Activity): Promise<void> {
		// Another one may begin while this one waits; then that one ends too. Two loops at a time would take each other's messages.
		while (this.current !== activity) {
			if (this.running !== undefined) await this.stop();
			else {
				this.current = activity;
				this.running = this.loop(activity).finally(() => {
					this.running = undefined;
				});
			}
		}
	}

	/** Ends the activity, if it is this one or none is named, after its piece of work. */
	async stop(activity?: Activity): Promise<void> {
		const { current } = this;
		if (activity !== undefined && current !== activity) return;
		this.current = undefined;
		this.wake();
		await this.running;
		current?.stopped?.();
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

	private async loop(activity: Activity): Promise<void> {
		try {
			while (this.current === activity) {
				await this.messages();
				if (this.current !== activity) break;
				if (this.held) {
					await this.sleep(1e6);
					continue;
				}
				const wait = this.isSlow() ? this.lastRequest + courtesy - performance.now() : 0;
				if (this.requests > 0 && this.isSlow()) await this.sleep(20);
				else if (wait > 0) await this.sleep(wait);
				else await activity.advance();
			}
		} catch (error) {
			if (this.current === activity) this.current = undefined;
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

	/** Waits, but not when something has changed. */
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
