import { DisposedError } from "../../base/errors.js";
import { type BufferPool, sizeClass } from "../buffer_pool.js";
import type { PreparedCommands } from "../command_stream.js";
import type { DeviceParts } from "../device_parts.js";
import type { PendingErrors } from "../late_errors.js";
import type { LaunchEvent } from "../launch.js";
import type { Pipeline } from "../pipelines.js";
import type { BufferSlot, Storage } from "../storage.js";
import type { Trace } from "./trace.js";

type Command =
	| {
			readonly pipeline: GPUComputePipeline;
			readonly group: GPUBindGroup;
			readonly x: number;
			readonly y: number;
	  }
	| {
			readonly pipeline: undefined;
			/** The arguments of copyBufferToBuffer. */
			readonly copy: readonly [GPUBuffer, number, GPUBuffer, number, number];
	  };

/**
 * A traced step with buffers, pipelines and bind groups, ready to be encoded again and again. Its buffers are taken out of the
 * pool until `dispose`: storages whose lifetimes do not overlap share one.
 * @internal
 */
export class Replay implements PreparedCommands {
	readonly dispatches: number;
	private readonly commands: Command[] = [];
	private readonly pipelines: ReadonlySet<Pipeline>;
	/** Storages that the step allocated and that outlive a replay: its results. */
	private readonly results: readonly Storage[];
	/** Storages from outside, and their parts. */
	private readonly external: readonly Storage[];
	/** Storages that outlive a replay and that it uses; those of them that it writes. */
	private readonly used: readonly Storage[];
	private readonly written: readonly Storage[];
	/** The buffers that no result is in. */
	private readonly slots: readonly BufferSlot[];
	private readonly pending: PendingErrors;
	/** The last batch of commands that uses its buffers. */
	private lastBatch: number;
	private disposed = false;

	constructor(
		private readonly trace: Trace,
		private readonly parts: DeviceParts,
	) {
		const { errors } = parts;
		const { pool } = parts.memory;
		const acquired: ReturnType<BufferPool["acquire"]>[] = [];
		try {
			this.pending = errors.collect(() =>
				this.build((bytes) => {
					const slot = pool.acquire(bytes);
					acquired.push(slot);
					return slot;
				}),
			);
		} catch (error) {
			for (const { id, lastBatch } of acquired) pool.release(id, lastBatch);
			throw error;
		}
		// Commands that are not submitted may still use the buffers' old contents.
		this.lastBatch = acquired.reduce((last, slot) => Math.max(last, slot.lastBatch), -1);
		this.results = trace.alive.map((storage) => storage.retain());
		for (const storage of this.results) storage.lastBatch = this.lastBatch;
		const ofResults = new Set(this.results.map(({ id }) => id));
		this.slots = acquired.filter(({ id }) => !ofResults.has(id));
		trace.releaseLater = (storage) => pool.release(storage.id, storage.lastBatch);
		this.pipelines = trace.pipelines;
		this.dispatches = this.commands.filter(({ pipeline }) => pipeline !== undefined).length;
		this.external = withParts(trace.external);
		this.used = withParts([...this.external, ...this.results]);
		const written = trace.writtenBy();
		this.written = this.used.filter((storage) => written.has(storage));
	}

	/** Gives the storages buffers and looks the commands up. */
	private build(acquire: (bytes: number) => BufferSlot): void {
		const { pipelines } = this.parts;
		const { allocated, events } = this.trace;
		const free = new Map<number, BufferSlot[]>();
		const assigned = new Set<Storage>();
		const slotsFor = ({ bytes }: Storage): BufferSlot[] => {
			const size = sizeClass(bytes);
			const slots = free.get(size) ?? [];
			free.set(size, slots);
			return slots;
		};
		/** Parts have the buffer of their whole, from when one of them is used first to the end. */
		const assignBuffer = (storage: Storage) => {
			const owner = storage.whole ?? storage;
			if (assigned.has(owner)) return;
			assigned.add(owner);
			owner.moveTo(slotsFor(owner).pop() ?? acquire(owner.bytes));
		};
		for (const event of events)
			if (event.kind === "dispatch") {
				const { pipeline, storages, x, y } = event;
				// Before they are allocated, if the launch was moved to the start.
				for (const storage of storages) if (allocated.has(storage)) assignBuffer(storage);
				const group = pipelines.bindGroup(pipeline, storages);
				this.commands.push({ pipeline: pipelines.compiled(pipeline), group, x, y });
			} else if (event.kind === "copy") {
				const { from, to } = event;
				const bytes = Math.min(from.bytes, to.bytes);
				this.commands.push({ pipeline: undefined, copy: [from.buffer, from.offset, to.buffer, to.offset, bytes] });
			} else {
				const { kind, storage } = event;
				if (kind === "allocate") assignBuffer(storage);
				else if (storage.whole === undefined) slotsFor(storage).push({ id: storage.id, buffer: storage.buffer });
			}
	}

	/**
	 * Uploads what the step is fed, then submits its commands, with all that were encoded before.
	 *
	 * @throws DisposedError after `dispose`, TesseraError if a kernel or a buffer of the step failed, CaptureError inside a
	 * captured step
	 */
	replay(onLaunch?: (event: LaunchEvent) => void): void {
		const { stream, tracer, work, errors } = this.parts;
		const { pending, used, written } = this;
		errors.check();
		tracer.sink.refuse("replays another one");
		work.check();
		if (this.disposed) throw new DisposedError("captured.replay: the captured step was disposed of; capture it again.");
		if (pending.error !== undefined) throw pending.error;
		if (errors.anyBatchFailed) for (const { failure } of this.pipelines) if (failure !== undefined) throw failure;
		for (const { upload } of this.trace.feeds) upload();
		if (onLaunch !== undefined) for (const launch of this.trace.launches) onLaunch({ ...launch, mode: "replayed" });
		if (errors.anyBatchFailed) for (const storage of this.external) errors.inherit(storage);
		stream.append(this);
		const { batch } = work;
		for (let i = 0; i < used.length; i++) used[i].lastBatch = batch;
		for (let i = 0; i < written.length; i++) {
			written[i].writtenBatch = batch;
			written[i].changes.count++;
		}
		this.lastBatch = batch;
		if (pending.outstanding > 0) pending.batches.push(batch);
		stream.submitUnlessTiming();
	}

	encode(encoder: GPUCommandEncoder, pass: GPUComputePassEncoder | undefined): GPUComputePassEncoder | undefined {
		const { commands } = this;
		let open = pass;
		let current: GPUComputePipeline | undefined;
		for (let i = 0; i < commands.length; i++) {
			const command = commands[i];
			if (command.pipeline === undefined) {
				open?.end();
				open = undefined;
				encoder.copyBufferToBuffer(...command.copy);
				continue;
			}
			if (open === undefined) {
				open = encoder.beginComputePass();
				current = undefined;
			}
			if (command.pipeline !== current) {
				current = command.pipeline;
				open.setPipeline(current);
			}
			open.setBindGroup(0, command.group);
			open.dispatchWorkgroups(command.x, command.y);
		}
		return open;
	}

	/** Frees the buffers; a result that is referenced elsewhere keeps its buffer until it is freed there. */
	dispose(): void {
		if (this.disposed) return;
		this.disposed = true;
		for (const { id } of this.slots) this.parts.memory.pool.release(id, this.lastBatch);
		for (const storage of this.results) storage.free();
		this.trace.release();
	}
}

/** Storages and their parts, each once. */
function withParts(storages: Iterable<Storage>): Storage[] {
	return [...new Set([...storages].flatMap((storage) => [storage, ...storage.parts]))];
}
