import { CaptureError } from "../../base/errors.js";
import type { CommandSink } from "../command_sink.js";
import { type Kernel, titleOf } from "../kernel.js";
import type { Launch } from "../launch.js";
import type { Pipeline } from "../pipelines.js";
import { Storage } from "../storage.js";

/** One thing that a step does on the device, in order. */
export type TraceEvent =
	| { readonly kind: "allocate" | "free"; readonly storage: Storage }
	| { readonly kind: "copy"; readonly from: Storage; readonly to: Storage }
	| {
			readonly kind: "dispatch";
			readonly pipeline: Pipeline;
			readonly storages: readonly Storage[];
			readonly x: number;
			readonly y: number;
	  };

/** An upload that a step does before each replay. */
export interface Feed {
	readonly storage: Storage;
	readonly upload: () => void;
}

/** What a variant of a kernel does: the events of the trace from `start` up to `end`. */
export interface VariantEvents {
	readonly variant: string;
	readonly start: number;
	readonly end: number;
}

/** What a trace is for: a replay ("capture"), or compiling and tuning the kernels that the step uses ("prepare"). */
export type TraceMode = "capture" | "prepare";

/** Bytes that captured steps keep at most so that several operations can be one launch. */
const mostKept = 2 ** 26;

/**
 * What a step does on the device: the step was run, but nothing was launched, allocated or uploaded. The storages that it
 * allocated have no buffers until a `Replay` gives them some. Those from outside are retained until `release`.
 * @internal
 */
export class Trace implements CommandSink {
	readonly events: TraceEvent[] = [];
	readonly feeds: Feed[] = [];
	/** For `gpu.onLaunch`. */
	readonly launches: { readonly kernel: Kernel; readonly launch: Launch }[] = [];
	/** Storages that the step allocated, numbered in order. */
	readonly allocated = new Map<Storage, number>();
	/** Storages from outside that the step uses. */
	readonly external = new Set<Storage>();
	/** Frees a storage of the trace whose last reference is removed after the step has ended. */
	releaseLater: (storage: Storage) => void = () => undefined;
	/** The events of each variant that is to be timed, by the key of `gpu.chooseVariant`; filled by the tuner. */
	readonly untuned = new Map<string, readonly VariantEvents[]>();
	/** The first thing that cannot be captured, also if the step has caught the error. */
	private failure: CaptureError | undefined;
	/** The counts of changes that were incremented. */
	private readonly changes: { count: number }[] = [];
	private readonly starts: (() => void)[] = [];
	private keptBytes = 0;
	private open = true;
	private dispatches = 0;
	private lastKernel = "";

	constructor(readonly mode: TraceMode) {}

	/** The pipelines that the step uses. */
	get pipelines(): Set<Pipeline> {
		return new Set(this.events.flatMap((event) => (event.kind === "dispatch" ? [event.pipeline] : [])));
	}

	/** The storages that the step, or some events of it, writes. */
	writtenBy(events: readonly TraceEvent[] = this.events): Set<Storage> {
		const written = new Set<Storage>();
		for (const event of events)
			if (event.kind === "copy") written.add(event.to);
			else if (event.kind === "dispatch")
				for (const [i, storage] of event.storages.entries())
					if (event.pipeline.declarations.kinds[i] === "storage")
						for (const each of [storage, ...storage.parts]) written.add(each);
		return written;
	}

	/**
	 * Storages that the step allocated and that are still referenced, without those that consist of parts.
	 */
	get alive(): Storage[] {
		return [...this.allocated.keys()].filter(({ alive, parts }) => alive && parts.length === 0);
	}

	allocate(bytes: number): Storage {
		const storage = new Storage(undefined, bytes, (freed) => {
			if (this.open) this.events.push({ kind: "free", storage: freed });
			else if (freed.whole === undefined) this.releaseLater(freed);
		});
		this.addAllocation(storage);
		return storage;
	}

	/** A storage whose parts will be storages of this trace; it has a buffer when the first of them does. */
	allocateWhole(bytes: number): Storage {
		const whole = new Storage(undefined, bytes, (freed) => {
			if (!this.open) this.releaseLater(freed);
		});
		this.allocated.set(whole, this.allocated.size);
		return whole;
	}

	/** Notes that a storage of this trace is allocated. */
	addAllocation(storage: Storage): void {
		this.allocated.set(storage, this.allocated.size);
		this.events.push({ kind: "allocate", storage });
	}

	/** @throws CaptureError if this is a capture */
	write(): void {
		if (this.mode === "capture")
			this.refuse("uploads: make its tensors before it, and give it new data with gpu.upload() or gpu.feed()");
	}

	copy(from: Storage, to: Storage): void {
		this.retainExternal(from);
		this.retainExternal(to);
		this.countChange(to);
		this.events.push({ kind: "copy", from, to });
	}

	dispatch(pipeline: Pipeline, storages: readonly Storage[], x: number, y: number): void {
		this.dispatches++;
		this.lastKernel = pipeline.kernel.name;
		for (let i = 0; i < storages.length; i++) {
			this.retainExternal(storages[i]);
			if (pipeline.declarations.kinds[i] === "storage") this.countChange(storages[i]);
		}
		this.events.push({ kind: "dispatch", pipeline, storages: [...storages], x, y });
	}

	/** @throws CaptureError for a storage that the step has allocated, or has used before */
	feed(storage: Storage, upload: () => void): void {
		if (this.mode === "capture" && this.allocated.has(storage))
			this.refuse("feeds a tensor that it has made itself: make it before the step");
		if (this.mode === "capture" && this.external.has(storage))
			this.refuse("feeds a tensor that it has already used or fed: feeds come before all dispatches");
		this.retainExternal(storage);
		this.feeds.push({ storage, upload });
	}

	/** @throws CaptureError saying what the step does that cannot be captured, and after which dispatch */
	refuse(what: string): never {
		const position =
			this.dispatches === 0
				? "before its first dispatch"
				: `after dispatch ${this.dispatches}, ${titleOf(this.lastKernel)}`;
		this.failure ??= new CaptureError(`gpu.${this.mode}: the step ${what} (${position}).`);
		throw this.failure;
	}

	/**
	 * Counts bytes that are kept for a launch of several operations together; false if they would be too
	 * many, or if the step is not captured.
	 */
	keep(bytes: number): boolean {
		this.keptBytes += bytes;
		return this.mode === "capture" && this.keptBytes <= mostKept;
	}

	/** Whether a storage has the same elements now as at the start of the step. */
	isUnchanged(storage: Storage): boolean {
		return !this.allocated.has(storage) && !this.changes.includes(storage.changes);
	}

	/** Calls `body` when the step has ended. What it launches will come before everything else. */
	launchAtStart(body: () => void): void {
		this.starts.push(body);
	}

	/** The step has ended, and may still launch what comes before it. */
	addStart(): void {
		const { events, launches, starts } = this;
		const ends = [events.length, launches.length] as const;
		for (const start of starts) start();
		events.unshift(...events.splice(ends[0]));
		launches.unshift(...launches.splice(ends[1]));
	}

	/** The step has ended. @throws CaptureError if it did something that cannot be captured */
	close(): void {
		this.open = false;
		if (this.failure === undefined) return;
		this.release();
		throw this.failure;
	}

	/** After which dispatch a storage was allocated, for messages. */
	positionOf(storage: Storage): string {
		let dispatches = 0;
		for (const event of this.events) {
			if (event.kind === "dispatch") dispatches++;
			else if (event.kind === "allocate" && event.storage === storage) break;
		}
		return `made after dispatch ${dispatches}`;
	}

	/** Takes back the changes that were counted, because nothing was written. */
	undoChanges(): void {
		for (const changes of this.changes.splice(0)) changes.count--;
	}

	/** Removes the references to storages from outside. */
	release(): void {
		for (const storage of this.external) storage.free();
		this.external.clear();
	}

	/** Later operations of the step see that the elements have changed. */
	private countChange({ changes, parts }: Storage): void {
		changes.count++;
		this.changes.push(changes);
		for (const part of parts) this.countChange(part);
	}

	private retainExternal(storage: Storage): void {
		if (!this.allocated.has(storage) && !this.external.has(storage)) this.external.add(storage.retain());
	}
}
