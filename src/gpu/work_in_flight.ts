import { OverloadError } from "../base/errors.js";

/** Work that was given to the GPU, in total since the device was opened. */
interface Work {
	batches: number;
	dispatches: number;
	uploadedBytes: number;
	/** Buffers and bind groups. WebGPU frees unused ones only while the host waits. */
	objects: number;
}

/** A point in the queue of commands. */
interface Marker {
	readonly work: Readonly<Work>;
	readonly reached: Promise<void>;
}

/**
 * How much work may be in flight before a launch throws. The host's memory sets the limits: a dispatch takes about 650 bytes until
 * it is done, an uploaded byte one, and lavapipe one memory mapping for each bind group and large buffer, of which Linux allows
 * 65,530.
 */
export const workLimits = { dispatches: 2 ** 20, uploadedBytes: 2 ** 30, objects: 24_000 };

const units = ["dispatches", "uploadedBytes", "objects"] as const satisfies readonly (keyof typeof workLimits)[];

/**
 * Numbers the batches of commands, and counts the work that was submitted and is not known to be done. The host learns that from
 * promises, which settle only in turns of its event loop: a loop that awaits nothing sees all of its work in flight.
 * @internal
 */
export class WorkInFlight {
	private readonly given: Work = { batches: 0, dispatches: 0, uploadedBytes: 0, objects: 0 };
	private done: Readonly<Work> = { ...this.given };
	private marked: Readonly<Work> = this.done;
	private readonly markers: Marker[] = [];
	private overload: keyof typeof workLimits | undefined;

	constructor(
		/** Resolves when all that was submitted so far is done. */
		private readonly submittedWorkDone: () => Promise<unknown>,
		private readonly limits: typeof workLimits,
	) {}

	/** The number of the batch that is encoded now: how many were submitted before it. */
	get batch(): number {
		return this.given.batches;
	}

	/** Batches that are not known to be done. */
	get batches(): number {
		return this.given.batches - this.done.batches;
	}

	/** All that was submitted so far, for `reach`. */
	get submitted(): Readonly<Work> {
		return { ...this.given };
	}

	/** The host copied this many bytes into the queue. */
	countUpload(bytes: number): void {
		this.given.uploadedBytes += bytes;
		if (this.given.uploadedBytes - this.marked.uploadedBytes > this.limits.uploadedBytes / 8) this.watch();
	}

	/** A buffer or bind group was created. */
	countObject(): void {
		this.given.objects++;
	}

	/** A batch of this many dispatches was submitted. */
	submit(dispatches: number): void {
		const { given, marked, limits } = this;
		given.batches++;
		given.dispatches += dispatches;
		if (
			given.dispatches - marked.dispatches > limits.dispatches / 8 ||
			given.objects - marked.objects > limits.objects / 8
		)
			this.watch();
	}

	/** @throws OverloadError if more is in flight than the host's memory allows */
	check(): void {
		if (this.overload === undefined) return;
		const { given, done, overload } = this;
		const names = { dispatches: "dispatches", uploadedBytes: "uploaded bytes", objects: "new buffers and bind groups" };
		throw new OverloadError(
			`${(given[overload] - done[overload]).toLocaleString("en-US")} ${names[overload]} are in flight: launches do not wait for the GPU, and this loop awaits nothing. Write await gpu.throttle() in the loop, once per step: it waits until the GPU has caught up.`,
		);
	}

	/** A point that is reached when all that was submitted so far is done. */
	mark(): Marker {
		const work = this.submitted;
		this.marked = work;
		const reached = this.submittedWorkDone().then(
			() => this.reach(work),
			() => this.reach(work), // a lost device has no work
		);
		const marker = { work, reached };
		this.markers.push(marker);
		return marker;
	}

	/**
	 * Resolves when at most `most` batches, and no more than half of what a limit allows, are in flight, without waiting for the
	 * last ones: the GPU stays busy. Undefined if that is so already.
	 */
	throttle(most: number): Promise<void> | undefined {
		if (this.given.batches - this.marked.batches >= most / 2) this.mark();
		return this.isAhead(most) ? this.catchUp(most) : undefined;
	}

	private isAhead(most: number): boolean {
		return this.batches > most || this.over(0.5) !== undefined;
	}

	private async catchUp(most: number): Promise<void> {
		while (this.isAhead(most)) await (this.markers[0] ?? this.mark()).reached;
	}

	/** Marks the work so far, and notes whether too much is in flight. */
	private watch(): void {
		this.mark();
		this.checkLimits();
	}

	private checkLimits(): void {
		this.overload = this.over(1);
	}

	/** The unit of which more than this part of the limit is in flight. */
	private over(part: number): keyof typeof workLimits | undefined {
		const { given, done, limits } = this;
		return units.find((unit) => given[unit] - done[unit] > part * limits[unit]);
	}

	/** All that was submitted up to there is done. */
	reach(work: Readonly<Work>): void {
		if (work.batches >= this.done.batches) this.done = work;
		while (this.markers.length > 0 && this.markers[0].work.batches <= work.batches) this.markers.shift();
		if (this.overload !== undefined) this.checkLimits();
	}
}
