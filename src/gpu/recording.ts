import { CaptureError } from "../base/errors.js";
import type { Pipeline } from "./pipelines.js";
import { Storage } from "./storage.js";

/** One thing that a step does on the device, in the order in which it does them. */
export type RecordedEvent =
	| { readonly kind: "make" | "free"; readonly storage: Storage }
	| { readonly kind: "copy"; readonly from: Storage; readonly to: Storage }
	| {
			readonly kind: "dispatch";
			readonly pipeline: Pipeline;
			readonly storages: readonly Storage[];
			readonly x: number;
			readonly y: number;
	  };

/** An upload that a step asks for anew each time. */
export interface Feed {
	readonly storage: Storage;
	readonly upload: () => void;
}

/** The ways of computing something, and which events of a rehearsal are theirs: from the first up to the last. */
export type Contest = readonly { readonly way: string; readonly from: number; readonly to: number }[];

/**
 * What a step would do on the device: it was run, but nothing was launched, allocated or uploaded. Storages made in it
 * have no memory until a `Replay` gives them some; those from outside of it are held until `release`.
 */
export class Recording {
	readonly events: RecordedEvent[] = [];
	readonly feeds: Feed[] = [];
	/** Storages made in the step, by their order. */
	readonly made = new Map<Storage, number>();
	/** Storages that were there before. */
	readonly outside = new Set<Storage>();
	/** The first thing that cannot be captured, also where the step has caught the error. */
	failure: CaptureError | undefined;
	/** What becomes of a storage made here whose last holder lets go of it after the step has ended. */
	afterwards: (storage: Storage) => void = () => undefined;
	/** What a rehearsal has to choose, see `Device.choose`, by its key. */
	readonly contests = new Map<string, Contest>();
	private readonly changes: { count: number }[] = [];
	private inContest = false;
	private open = true;
	private dispatches = 0;
	private lastKernel = "";

	constructor(
		/** A rehearsal only looks for the kernels that a step uses: uploads in it are left out. */
		readonly rehearsal: boolean,
	) {}

	/** Where in the step it is now, for messages. */
	get place(): string {
		return this.dispatches === 0
			? "before its first dispatch"
			: `after dispatch ${this.dispatches} (kernels/${this.lastKernel})`;
	}

	/** Where in the step a storage was made, for messages. */
	placeOf(storage: Storage): string {
		let dispatches = 0;
		for (const event of this.events) {
			if (event.kind === "dispatch") dispatches++;
			else if (event.kind === "make" && event.storage === storage) break;
		}
		return `made after dispatch ${dispatches}`;
	}

	/** The pipelines that the step needs. */
	get pipelines(): Set<Pipeline> {
		return new Set(this.events.flatMap((event) => (event.kind === "dispatch" ? [event.pipeline] : [])));
	}

	/** The storages that the step writes. */
	get written(): Set<Storage> {
		return writtenBy(this.events);
	}

	/** Storages made in the step that somebody still holds. */
	get kept(): Storage[] {
		return [...this.made.keys()].filter(({ alive }) => alive);
	}

	make(bytes: number): Storage {
		const storage = new Storage(undefined, bytes, (freed) => {
			if (this.open) this.events.push({ kind: "free", storage: freed });
			else this.afterwards(freed);
		});
		this.makeAgain(storage);
		return storage;
	}

	copy(from: Storage, to: Storage): void {
		this.note(from, to);
		this.change(to);
		this.events.push({ kind: "copy", from, to });
	}

	dispatch(pipeline: Pipeline, storages: readonly Storage[], x: number, y: number): void {
		this.dispatches++;
		this.lastKernel = pipeline.kernel.name;
		this.note(...storages);
		for (let i = 0; i < storages.length; i++)
			if (pipeline.declarations.kinds[i] === "storage") this.change(storages[i]);
		this.events.push({ kind: "dispatch", pipeline, storages: [...storages], x, y });
	}

	/** @throws CaptureError for a storage that the step made, or has used before. */
	feed(storage: Storage, upload: () => void): void {
		if (!this.rehearsal && (this.made.has(storage) || this.outside.has(storage)))
			this.refuse(
				this.made.has(storage)
					? "feeds a tensor that it has made itself; make it before the step"
					: "feeds a tensor that it has already used or fed; feeds come before all dispatches",
			);
		this.note(storage);
		this.feeds.push({ storage, upload });
	}

	/** In a rehearsal, notes what each way of computing something launches; once for a key, and not within another. */
	hold<Way extends string>(key: string, ways: readonly Way[], launch: (way: Way) => void): void {
		if (!this.rehearsal || this.inContest || this.contests.has(key)) return;
		this.inContest = true;
		try {
			const contest = ways.map((way) => {
				const from = this.events.length;
				launch(way);
				return { way, from, to: this.events.length };
			});
			this.contests.set(key, contest);
		} finally {
			this.inContest = false;
		}
	}

	/** @throws CaptureError saying what the step does that cannot be recorded, and where. */
	refuse(what: string): never {
		this.failure ??= new CaptureError(`A recorded step ${what} (${this.place}).`);
		throw this.failure;
	}

	/** Ends the recording. @throws CaptureError what was refused in it. */
	close(): void {
		this.open = false;
		if (this.failure === undefined) return;
		this.release();
		throw this.failure;
	}

	/**
	 * A part of it as a recording of its own, for timing: what comes from before it is made anew, and so is what it would
	 * overwrite outside.
	 */
	excerpt(from: number, to: number): Recording {
		const part = new Recording(this.rehearsal);
		const copies = new Map<Storage, Storage>();
		const events = this.events.slice(from, to);
		const written = writtenBy(events);
		for (const event of events) if (event.kind === "make") copies.set(event.storage, event.storage);
		const own = (storage: Storage): Storage => {
			const copy =
				copies.get(storage) ?? (this.made.has(storage) || written.has(storage) ? part.make(storage.bytes) : storage);
			copies.set(storage, copy);
			return copy;
		};
		for (const event of events)
			if (event.kind === "dispatch") {
				const { pipeline, storages, x, y } = event;
				part.dispatch(pipeline, storages.map(own), x, y);
			} else if (event.kind === "copy") part.copy(own(event.from), own(event.to));
			else if (event.kind === "make") part.makeAgain(event.storage);
			else if (copies.get(event.storage) === event.storage) part.events.push(event);
		for (const [storage, copy] of copies) if (copy !== storage) copy.free();
		part.open = false;
		return part;
	}

	/** Counts a change of the elements while the step is traced. */
	private change({ changes }: Storage): void {
		changes.count++;
		this.changes.push(changes);
	}

	/** Takes back the changes that it has counted: nothing was written yet. */
	undoChanges(): void {
		for (const changes of this.changes.splice(0)) changes.count--;
	}

	private makeAgain(storage: Storage): void {
		this.made.set(storage, this.made.size);
		this.events.push({ kind: "make", storage });
	}

	/** Lets go of the storages from outside. */
	release(): void {
		for (const storage of this.outside) storage.free();
		this.outside.clear();
	}

	/** @throws CaptureError at the first difference to another recording of the same step. */
	compare(other: Recording): void {
		// Commands first: where they differ, so do the allocations before them, which say less.
		const commands = ({ events }: Recording) => events.filter(({ kind }) => kind === "dispatch" || kind === "copy");
		this.compareEvents(other, commands(this), commands(other));
		this.compareEvents(other, this.events, other.events);
		if (
			this.feeds.length !== other.feeds.length ||
			this.feeds.some(({ storage }, i) => storage !== other.feeds[i].storage)
		)
			throw new CaptureError("A step that is captured must feed the same tensors each time.");
	}

	private compareEvents(other: Recording, before: readonly RecordedEvent[], now: readonly RecordedEvent[]): void {
		let dispatches = 0;
		for (let i = 0; i < Math.max(before.length, now.length); i++) {
			if ((before[i] ?? now[i])?.kind === "dispatch") dispatches++;
			const difference = this.difference(other, before[i], now[i]);
			if (difference !== undefined)
				throw new CaptureError(
					`A step that is captured must do the same each time, but at dispatch ${Math.max(dispatches, 1)} ${difference}.`,
				);
		}
	}

	private difference(
		other: Recording,
		before: RecordedEvent | undefined,
		now: RecordedEvent | undefined,
	): string | undefined {
		const changed = `it first ${describe(before)} and then ${describe(now)}`;
		if (before === undefined || now === undefined || before.kind !== now.kind) return changed;
		if (before.kind === "dispatch" && now.kind === "dispatch") {
			if (before.pipeline !== now.pipeline || before.x !== now.x || before.y !== now.y) return changed;
			const at = before.storages.findIndex((storage, i) => !this.sameStorage(other, storage, now.storages[i]));
			return at < 0
				? undefined
				: `(kernels/${before.pipeline.kernel.name}) binding ${at} was another tensor the second time. Make what the step uses before it, and overwrite it with gpu.upload() or gpu.copy()`;
		}
		if (before.kind === "copy" && now.kind === "copy")
			return this.sameStorage(other, before.from, now.from) && this.sameStorage(other, before.to, now.to)
				? undefined
				: "a copy was between other tensors the second time";
		if ((before.kind === "make" || before.kind === "free") && now.kind === before.kind)
			return this.sameStorage(other, before.storage, now.storage) && before.storage.bytes === now.storage.bytes
				? undefined
				: changed;
		return changed;
	}

	private sameStorage(other: Recording, before: Storage, now: Storage | undefined): boolean {
		if (now === undefined) return false;
		const made = this.made.get(before);
		if (made !== undefined) return made === other.made.get(now);
		return before === now || (before.contents !== undefined && before.contents === now.contents);
	}

	private note(...storages: Storage[]): void {
		for (const storage of storages)
			if (!this.made.has(storage) && !this.outside.has(storage)) this.outside.add(storage.retain());
	}
}

function describe(event: RecordedEvent | undefined): string {
	if (event === undefined) return "ended";
	if (event.kind === "copy") return "made a copy";
	if (event.kind !== "dispatch")
		return `${event.kind === "make" ? "allocated" : "gave back"} ${event.storage.bytes} bytes`;
	const constants =
		Object.keys(event.pipeline.constants).length > 0 ? ` ${JSON.stringify(event.pipeline.constants)}` : "";
	return `launched kernels/${event.pipeline.kernel.name}${constants} with ${event.x * event.y} workgroups`;
}

function writtenBy(events: readonly RecordedEvent[]): Set<Storage> {
	const written = new Set<Storage>();
	for (const event of events)
		if (event.kind === "copy") written.add(event.to);
		else if (event.kind === "dispatch")
			for (const [i, storage] of event.storages.entries())
				if (event.pipeline.declarations.kinds[i] === "storage") written.add(storage);
	return written;
}
