import type { TesseraError } from "../base/errors.js";
import type { BufferPool } from "./buffer_pool.js";
import { sizeClass } from "./buffer_pool.js";
import type { Pipeline, Pipelines } from "./pipelines.js";
import type { Feed, Recording } from "./recording.js";
import type { Place, Storage } from "./storage.js";

/** A command as it goes into an encoder. */
type Command =
	| {
			readonly pipeline: GPUComputePipeline;
			readonly group: GPUBindGroup;
			readonly x: number;
			readonly y: number;
	  }
	| { readonly pipeline: undefined; readonly from: GPUBuffer; readonly to: GPUBuffer; readonly bytes: number };

/** Batches in which something may yet turn out to have failed, while the reports on it are on their way. */
export interface Trial {
	pending: number;
	readonly batches: number[];
	failure: TesseraError | undefined;
}

/**
 * A recorded step with memory of its own and everything looked up, ready to be encoded again and again. Its buffers are
 * taken out of the pool until `dispose`: storages whose lives do not overlap share one.
 */
export class Replay {
	readonly feeds: readonly Feed[];
	readonly dispatches: number;
	readonly pipelines: ReadonlySet<Pipeline>;
	/** Storages that outlive a replay and that it uses; those of them from outside; those that it writes. */
	readonly used: readonly Storage[];
	readonly outside: readonly Storage[];
	readonly written: readonly Storage[];
	/** The last batch of commands that uses its buffers. */
	lastBatch: number;
	disposed = false;
	private readonly commands: Command[] = [];
	/** Buffers of which no storage outlives a replay. */
	private readonly places: readonly Place[];
	private readonly kept: readonly Storage[];

	constructor(
		private readonly recording: Recording,
		private readonly pool: BufferPool,
		pipelines: Pipelines,
		/** Filled while this is constructed. */
		readonly trial: Trial,
	) {
		const acquired: ReturnType<BufferPool["acquire"]>[] = [];
		try {
			this.build(pipelines, (bytes) => {
				const place = pool.acquire(bytes);
				acquired.push(place);
				return place;
			});
		} catch (error) {
			for (const { id, lastBatch } of acquired) pool.release(id, lastBatch);
			throw error;
		}
		// Commands that are recorded but not submitted may still use the buffers for what was in them before.
		this.lastBatch = acquired.reduce((last, place) => Math.max(last, place.lastBatch), -1);
		this.kept = recording.kept.map((storage) => storage.retain());
		for (const storage of this.kept) storage.lastBatch = this.lastBatch;
		const outlive = new Set(this.kept.map(({ id }) => id));
		this.places = acquired.filter(({ id }) => !outlive.has(id));
		recording.afterwards = (storage) => pool.release(storage.id, storage.lastBatch);
		this.feeds = recording.feeds;
		this.pipelines = recording.pipelines;
		this.dispatches = this.commands.filter(({ pipeline }) => pipeline !== undefined).length;
		this.outside = [...recording.outside];
		this.used = [...this.outside, ...this.kept];
		const written = recording.written;
		this.written = this.used.filter((storage) => written.has(storage));
	}

	/** Places the storages and looks the commands up. */
	private build(pipelines: Pipelines, acquire: (bytes: number) => Place): void {
		const free = new Map<number, Place[]>();
		for (const event of this.recording.events)
			if (event.kind === "dispatch") {
				const { pipeline, storages, x, y } = event;
				const group = pipelines.bindGroup(pipeline, storages);
				this.commands.push({ pipeline: pipelines.compiled(pipeline), group, x, y });
			} else if (event.kind === "copy") {
				const { from, to } = event;
				this.commands.push({
					pipeline: undefined,
					from: from.buffer,
					to: to.buffer,
					bytes: Math.min(from.bytes, to.bytes),
				});
			} else {
				const { storage } = event;
				const size = sizeClass(storage.bytes);
				const places = free.get(size) ?? [];
				free.set(size, places);
				if (event.kind === "make") storage.moveTo(places.pop() ?? acquire(storage.bytes));
				else places.push({ id: storage.id, buffer: storage.buffer });
			}
	}

	/** Encodes the step, into `pass` as long as nothing but dispatches comes; returns the pass that is open at the end. */
	encode(encoder: GPUCommandEncoder, pass: GPUComputePassEncoder | undefined): GPUComputePassEncoder | undefined {
		const { commands } = this;
		let open = pass;
		let current: GPUComputePipeline | undefined;
		for (let i = 0; i < commands.length; i++) {
			const command = commands[i] as Command;
			if (command.pipeline === undefined) {
				open?.end();
				open = undefined;
				encoder.copyBufferToBuffer(command.from, 0, command.to, 0, command.bytes);
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

	/** Gives the memory back; a storage that somebody else holds keeps its buffer until that ends. */
	dispose(): void {
		if (this.disposed) return;
		this.disposed = true;
		for (const { id } of this.places) this.pool.release(id, this.lastBatch);
		for (const storage of this.kept) storage.free();
		this.recording.release();
	}
}
