/// <reference lib="esnext.disposable" preserve="true" />

import {
	checkArray,
	checkFunction,
	checkInstance,
	checkNumber,
	checkOptions,
	wrongArgument,
} from "../base/arguments.js";
import {
	ArgumentError,
	DeviceLostError,
	DisposedError,
	LimitError,
	OutOfMemoryError,
	TesseraError,
} from "../base/errors.js";
import { type AdapterDescription, fixedSubgroupSize } from "./adapter.js";
import type { BlockedKernels } from "./blocked_kernels.js";
import { BufferPool, type MemoryUse } from "./buffer_pool.js";
import type { Choices } from "./choices.js";
import { GrowthWatch } from "./growth_watch.js";
import { type Constants, type Kernel, packUniform, type UniformValues } from "./kernel.js";
import { type Pipeline, Pipelines } from "./pipelines.js";
import { type Contest, Recording } from "./recording.js";
import { Replay, type Trial } from "./replay.js";
import { Storage } from "./storage.js";
import { Uniforms } from "./uniforms.js";
import type { Variants } from "./variant.js";
import type { WebGPUDevice, WebGPULimits } from "./webgpu.js";
import { WorkInFlight, workLimits } from "./work_in_flight.js";

/** One launch of a kernel. */
export interface Launch {
	readonly constants?: Constants;
	/** The storage buffers of the kernel's bindings, in order; its uniform and its `Slice` are not among them. */
	readonly bindings: readonly Storage[];
	/** The fields of the kernel's uniform, by name. */
	readonly uniforms?: UniformValues;
	/** How many workgroups; the grid is folded into rows where there are more than one dimension takes. */
	readonly workgroups: number;
	/**
	 * Floating-point operations of the whole launch, for kernels with a `Slice`: a launch that would keep the device
	 * busy for too long is cut into several dispatches.
	 */
	readonly flops?: number;
}

export interface DeviceOptions {
	/** Free buffers are kept for reuse up to this many bytes (default 1 GiB). */
	readonly poolLimit?: number;
	/** Called when the host starts to wait for the GPU; what it returns is called when the wait is over. */
	readonly idle?: (() => () => void) | undefined;
	/**
	 * How many dispatches may be in flight before a launch throws an OverloadError (default 2²⁰). Only a loop that awaits nothing
	 * gets there; see `throttle`.
	 */
	readonly maxDispatchesInFlight?: number;
	/** What was measured on this adapter, see `choose`; without it nothing is measured. @internal */
	readonly choices?: Choices | undefined;
	/** The variants to choose from, the preferred one first (default: the portable ones alone). @internal */
	readonly variants?: Variants;
	/** The blocked kernels, if they are one of the variants. @internal */
	readonly blockedKernels?: BlockedKernels | undefined;
}

/** What a device has done, and what it caches. */
export interface Counters {
	/** Dispatches and submits so far. */
	readonly dispatches: number;
	readonly submits: number;
	/** Submits that are not known to be done. */
	readonly batchesInFlight: number;
	/** Pipelines and bind groups in the cache. */
	readonly pipelines: number;
	readonly bindGroups: number;
	/** Bind groups and buffers made so far; a steady step makes none. */
	readonly bindGroupsMade: number;
	readonly buffersMade: number;
}

/** A buffer through which the host reads; kept for the next time. */
interface StagingBuffer {
	readonly buffer: GPUBuffer;
	readonly capacity: number;
}

/** Commands are submitted at the latest after so many dispatches, so that the GPU has work while more is recorded. */
const dispatchesPerSubmit = 256;
/** How much work one dispatch may hold: well under a second on the slowest adapters of each kind. */
const flopsPerDispatch = { software: 5e8, hardware: 1e10 };
/** And into how many dispatches one launch is cut at the most. */
const maxSlices = 256;
/** How often, and for how long at most, ways of computing the same are timed in turn. */
const timedRounds = 5;
const timedMilliseconds = 1000;

/** What a read inside a captured step is told. @internal */
export const readsBack = "reads back: read after replay()";

const usage = { queryResolve: 512, mapRead: 1, copySource: 4, copyDestination: 8, uniform: 64, storage: 128 };

/**
 * The machine: buffers and their pool, pipelines, and the recording of commands. It knows kernels as data and nothing
 * of tensors.
 *
 * Launches are recorded into one compute pass of one command encoder. `flush` submits them; only `read`, `finish` and `time` wait.
 * Errors that the GPU reports late (a kernel that does not compile, memory that is not there, a lost device) are thrown
 * by the next launch or read.
 */
export class Device {
	/** The variants of the kernels that this device chooses from, the preferred one first. */
	readonly variants: Variants;
	/** Lanes of a subgroup, if all subgroups have the same size of at least 4; else 0. */
	readonly subgroupSize: number;
	private readonly pool: BufferPool;
	private readonly pipelines: Pipelines;
	private readonly uniforms: Uniforms;
	private readonly flight: WorkInFlight;
	private readonly growth = new GrowthWatch((message) => console.warn(message));
	private readonly staging: StagingBuffer[] = [];
	private readonly reports = new Set<Promise<void>>();
	private readonly maxGroups: number;
	private failure: TesseraError | undefined;
	/** Batches of commands in which something failed: what they wrote is void, and reading it throws. */
	private readonly failedBatches = new Map<number, TesseraError>();
	/** An error outside of any error scope: most often what follows from a `failure` that is still to be reported. */
	private consequence: TesseraError | undefined;
	private lost: DeviceLostError | undefined;
	private encoder: GPUCommandEncoder | undefined;
	private pass: GPUComputePassEncoder | undefined;
	/** The pipeline that is set in the pass. */
	private current: GPUComputePipeline | undefined;
	private recorded = 0;
	private batch = 0;
	private dispatchCount = 0;
	private bindGroupsMade = 0;
	private buffersMade = 0;
	private timing = false;
	/** What is being recorded instead of launched, see `record`. */
	private recording: Recording | undefined;
	/** Where failures of what is being made are noted, beside `failedBatches`. */
	private trial: Trial | undefined;

	/** @internal */
	constructor(
		/** The WebGPU device underneath, for code that goes beyond this library. */
		readonly device: WebGPUDevice,
		readonly adapter: AdapterDescription,
		private readonly options: DeviceOptions = {},
	) {
		this.variants = options.variants ?? ["portable"];
		this.subgroupSize = fixedSubgroupSize(adapter);
		this.maxGroups = device.limits.maxComputeWorkgroupsPerDimension;
		const dispatches = options.maxDispatchesInFlight ?? workLimits.dispatches;
		this.flight = new WorkInFlight(() => device.queue.onSubmittedWorkDone(), { ...workLimits, dispatches });
		this.pipelines = new Pipelines(
			device,
			(failure) => this.watch(failure),
			() => {
				this.bindGroupsMade++;
				this.flight.make();
			},
		);
		this.pool = new BufferPool(
			(bytes) => this.createBuffer(bytes),
			(id, lastBatch) => {
				if (lastBatch === this.batch) this.submit();
				this.pipelines.forgetBuffer(id);
			},
			options.poolLimit ?? 2 ** 30,
		);
		this.uniforms = new Uniforms(
			(capacity) => this.createBuffer(capacity, usage.uniform | usage.storage),
			(buffer, words) => {
				this.flight.upload(words.byteLength);
				device.queue.writeBuffer(buffer, 0, words as Uint32Array<ArrayBuffer>);
			},
		);
		device.addEventListener("uncapturederror", (event) => {
			event.preventDefault(); // it is thrown to the caller, and need not stand on the console too
			const { message } = (event as GPUUncapturedErrorEvent).error;
			this.consequence ??= new TesseraError(`The GPU reported an error: ${message}`);
		});
		device.lost.then(({ reason, message }) => {
			this.lost ??= new DeviceLostError(
				`The GPU device was lost (${reason}: ${message || "no reason given"}). Everything on it is gone; open a new device.`,
			);
		});
	}

	/** Whether the device was opened with a WebGPU feature. */
	has(feature: string): boolean {
		if (typeof feature !== "string") throw wrongArgument("gpu.has", "feature", "the name of a feature", feature);
		return this.device.features.has(feature);
	}

	get limits(): WebGPULimits {
		return this.device.limits;
	}

	/** The blocked kernels, of a device that has this variant. @internal */
	get blockedKernels(): BlockedKernels {
		const { blockedKernels } = this.options;
		if (blockedKernels === undefined)
			throw new TesseraError("This device was opened without the blocked kernels: open it with openDevice().");
		return blockedKernels;
	}

	/** What is alive on the device. */
	memory(): MemoryUse {
		return this.pool.use();
	}

	counters(): Counters {
		return {
			dispatches: this.dispatchCount + this.recorded,
			submits: this.batch,
			batchesInFlight: this.flight.batches,
			...this.pipelines.counts,
			bindGroupsMade: this.bindGroupsMade,
			buffersMade: this.buffersMade,
		};
	}

	/** A step of a loop, which is known by its backward pass, replay or read; see `GrowthWatch`. @internal */
	countStep(): void {
		if (this.recording === undefined) this.growth.step(this.pool.held);
	}

	/** Gives free pooled buffers, and those kept for reading back, to the driver. */
	trim(): void {
		for (const { buffer } of this.staging.splice(0)) buffer.destroy();
		this.pool.trim();
	}

	/**
	 * Takes a buffer of at least `bytes` from the pool. Its contents are whatever was there before.
	 *
	 * @throws LimitError where a kernel could not bind that many bytes at once.
	 */
	allocate(bytes: number): Storage {
		if (!(Number.isInteger(bytes) && bytes >= 1))
			throw wrongArgument("gpu.allocate", "bytes", "a whole number of at least 1", bytes);
		const limit = Math.min(this.limits.maxStorageBufferBindingSize, this.limits.maxBufferSize);
		if (bytes > limit)
			throw new LimitError(
				`A buffer of ${bytes} bytes was asked for, but this device binds at most ${limit} bytes at once.`,
			);
		if (this.recording !== undefined) return this.recording.make(bytes);
		const place = this.pool.acquire(bytes);
		return new Storage(place, bytes, (storage) => this.pool.release(storage.id, storage.lastBatch), place.lastBatch);
	}

	/** Copies host data into a buffer; commands recorded before this call still see the old contents. */
	write(storage: Storage, data: ArrayBufferView, byteOffset = 0): void {
		this.check();
		checkInstance("gpu.write", "storage", storage, Storage, "a storage, as of tensor.storage");
		if (!ArrayBuffer.isView(data)) throw wrongArgument("gpu.write", "data", "a typed array", data);
		if (!(typeof byteOffset === "number" && byteOffset % 4 === 0 && byteOffset >= 0))
			throw wrongArgument("gpu.write", "byteOffset", "a multiple of 4 of at least 0", byteOffset);
		this.flight.check();
		if (this.recording?.rehearsal === true) return;
		this.recording?.refuse("uploads: make its tensors before it, and give it new data with gpu.upload() or gpu.feed()");
		this.checkWritable(storage);
		if (byteOffset + data.byteLength > Math.ceil(storage.bytes / 4) * 4)
			throw new LimitError(
				`${data.byteLength} bytes at ${byteOffset} do not fit into a buffer of ${storage.bytes} bytes.`,
			);
		storage.writtenBatch = -1;
		storage.changes.count++;
		if (storage.lastBatch === this.batch) this.submit();
		this.flight.upload(data.byteLength);
		this.device.queue.writeBuffer(
			storage.buffer,
			byteOffset,
			data.buffer as ArrayBuffer,
			data.byteOffset,
			data.byteLength,
		);
	}

	/** Records a copy of one buffer's bytes to another's. */
	copyStorage(from: Storage, to: Storage): void {
		this.check();
		checkInstance("gpu.copyStorage", "from", from, Storage, "a storage, as of tensor.storage");
		checkInstance("gpu.copyStorage", "to", to, Storage, "a storage, as of tensor.storage");
		if (from === to) return;
		this.checkWritable(to);
		if (this.recording !== undefined) {
			this.recording.copy(from, to);
			return;
		}
		this.pass?.end();
		this.pass = undefined;
		this.encoder ??= this.device.createCommandEncoder();
		this.encoder.copyBufferToBuffer(from.buffer, 0, to.buffer, 0, Math.min(from.bytes, to.bytes));
		this.markUse(from, false);
		this.markUse(to, true);
	}

	/**
	 * A small read-only buffer with these 32-bit words, for a kernel's scalars. The same words give the same buffer, so
	 * a step that repeats its scalars creates none.
	 */
	uniform(words: Float32Array | Uint32Array | Int32Array): Storage {
		if (!(words instanceof Float32Array || words instanceof Uint32Array || words instanceof Int32Array))
			throw wrongArgument("gpu.uniform", "words", "a Float32Array, Uint32Array or Int32Array", words);
		return this.uniforms.get(words, this.batch);
	}

	/** Launches a kernel. */
	launch(kernel: Kernel, launch: Launch): void {
		this.check();
		checkLaunch(kernel, launch);
		this.flight.check();
		const { constants = {}, bindings, uniforms, workgroups, flops = 0 } = launch;
		const pipeline = this.pipelines.get(kernel, constants);
		const { uniform, slice } = pipeline.declarations;
		const buffers = [...bindings];
		if (uniform !== undefined && uniforms !== undefined)
			buffers.splice(uniform.binding, 0, this.uniform(packUniform(kernel, uniform, uniforms)));
		if (slice === undefined) {
			this.dispatch(pipeline, buffers, workgroups);
			return;
		}
		const budget = this.adapter.software ? flopsPerDispatch.software : flopsPerDispatch.hardware;
		const slices = Math.min(maxSlices, Math.max(1, Math.ceil(flops / budget)));
		const size = Math.ceil(workgroups / slices);
		for (let first = 0; first < workgroups; first += size) {
			const last = Math.min(first + size, workgroups);
			this.dispatch(pipeline, buffers.toSpliced(slice, 0, this.uniform(Uint32Array.of(first, last))), last - first);
		}
	}

	/**
	 * Runs a step without launching, allocating or uploading anything, and says what it would do. Uploads are refused,
	 * and left out of a rehearsal.
	 *
	 * @throws CaptureError where the step reads back, waits or uploads.
	 * @internal
	 */
	protected record<T>(step: () => T, rehearsal: boolean): { recording: Recording; result: T } {
		this.recording?.refuse("captures another step");
		const recording = new Recording(rehearsal);
		this.recording = recording;
		try {
			const result = step();
			this.recording = undefined;
			recording.close();
			return { recording, result };
		} catch (error) {
			recording.release();
			throw error;
		} finally {
			this.recording = undefined;
			recording.undoChanges();
		}
	}

	/** Whether a step is being recorded that has not made this storage. @internal */
	isOutside(storage: Storage): boolean {
		return this.recording !== undefined && !this.recording.made.has(storage);
	}

	/**
	 * Does something with a storage from outside of the step that is being recorded: at once, and not as part of it.
	 *
	 * @internal
	 */
	atOnceOutside<T>(storage: Storage, body: () => T): T {
		if (!this.isOutside(storage)) return body();
		const { recording } = this;
		this.recording = undefined;
		try {
			return body();
		} finally {
			this.recording = recording;
		}
	}

	/**
	 * Notes an upload that the step being recorded asks for before each replay; false where none is recorded.
	 *
	 * @internal
	 */
	protected recordFeed(storage: Storage, upload: () => void): boolean {
		this.check();
		if (this.recording === undefined) return false;
		this.checkWritable(storage);
		this.recording.feed(storage, upload);
		return true;
	}

	/**
	 * Compiles the kernels of a rehearsed step, all at once, and measures the ways of computing something among which the
	 * device chooses, where that has not been done. Ends the recording.
	 *
	 * @throws ShaderError, DeviceLostError
	 * @internal
	 */
	protected async compile(recording: Recording): Promise<void> {
		try {
			await this.idly(this.pipelines.compileAll(recording.pipelines));
			for (const contest of recording.contests.entries()) await this.measure(recording, ...contest);
		} catch (error) {
			throw this.lost ?? error;
		} finally {
			recording.release();
		}
		await this.options.choices?.save();
	}

	/** Times the ways of a contest in turn and keeps the best time of each. */
	private async measure(recording: Recording, key: string, contest: Contest): Promise<void> {
		const best: Record<string, number> = {};
		const entrants: { way: string; replay: Replay }[] = [];
		try {
			for (const { way, from, to } of contest)
				entrants.push({ way, replay: this.prepareReplay(recording.excerpt(from, to)) });
			const start = performance.now();
			for (let round = 0; round <= timedRounds; round++) {
				for (const { way, replay } of entrants) {
					const time = await this.time(() => this.replay(replay));
					if (round > 0) best[way] = Math.min(best[way] ?? Number.POSITIVE_INFINITY, time); // the first compiles
				}
				if (round > 0 && performance.now() - start > timedMilliseconds) break;
			}
		} finally {
			for (const { replay } of entrants) replay.dispose();
		}
		this.options.choices?.note(key, best);
	}

	/** Gives a recorded step memory, and compiles what is not compiled yet. @internal */
	protected prepareReplay(recording: Recording): Replay {
		const trial: Trial = { pending: 0, batches: [], failure: undefined };
		this.trial = trial;
		try {
			return new Replay(recording, this.pool, this.pipelines, trial);
		} finally {
			this.trial = undefined;
		}
	}

	/**
	 * Does a recorded step once more: uploads what it is fed, then submits its commands, with all that was recorded
	 * before them, in one go.
	 *
	 * @throws TesseraError why the step cannot be done: a kernel or a buffer of it failed, or it was disposed of.
	 * @internal
	 */
	protected replay(replay: Replay): void {
		this.check();
		this.recording?.refuse("replays another one");
		this.flight.check();
		if (replay.disposed) throw new DisposedError("A captured step was replayed after it was disposed of.");
		const { trial, feeds, used, outside, written } = replay;
		if (trial.failure !== undefined) throw trial.failure;
		if (this.failedBatches.size > 0)
			for (const { failure } of replay.pipelines) if (failure !== undefined) throw failure;
		for (let i = 0; i < feeds.length; i++) feeds[i].upload();
		if (this.failedBatches.size > 0) for (const storage of outside) this.inheritFailure(storage);
		this.encoder ??= this.device.createCommandEncoder();
		this.pass = replay.encode(this.encoder, this.pass);
		this.current = undefined;
		for (let i = 0; i < used.length; i++) used[i].lastBatch = this.batch;
		for (let i = 0; i < written.length; i++) {
			written[i].writtenBatch = this.batch;
			written[i].changes.count++;
		}
		replay.lastBatch = this.batch;
		if (trial.pending > 0) trial.batches.push(this.batch);
		this.recorded += replay.dispatches;
		if (!this.timing) this.submit();
		this.countStep();
	}

	/**
	 * Computes something in the way that is the fastest here: the first of `ways`, unless the device was opened with
	 * `tune` and `prepare` has measured another one to be faster for this key.
	 *
	 * @param key names the operation and all shapes on which the choice depends
	 * @param ways of one member where there is nothing to choose
	 * @param compute is called with one of the ways, during `prepare` with each; it only launches kernels
	 * @internal
	 */
	choose<Way extends string, T>(key: string, ways: readonly [Way, ...Way[]], compute: (way: Way) => T): T {
		if (typeof key !== "string") throw wrongArgument("gpu.choose", "key", "text", key);
		if (!Array.isArray(ways) || ways.length === 0)
			throw wrongArgument("gpu.choose", "ways", "an array of at least one name", ways);
		checkFunction("gpu.choose", "compute", compute);
		if (this.options.choices === undefined || ways.length === 1) return compute(ways[0]);
		const known = this.options.choices.fastest(key, ways);
		if (known !== undefined) return compute(known);
		this.recording?.hold(key, ways, (way) => this.discard(() => compute(way)));
		return compute(ways[0]);
	}

	/** Runs `body` and frees what it makes. @internal */
	protected discard(body: () => unknown): void {
		body();
	}

	/** Submits what was recorded. */
	flush(): void {
		this.recording?.refuse("submits its commands");
		this.submit();
	}

	private submit(): void {
		if (this.encoder === undefined) return;
		this.pass?.end();
		this.device.queue.submit([this.encoder.finish()]);
		this.dispatchCount += this.recorded;
		this.flight.submit(this.recorded);
		this.encoder = undefined;
		this.pass = undefined;
		this.recorded = 0;
		this.batch++;
	}

	/**
	 * Waits until at most so many batches of commands are in flight (a replay of a captured step is one; other launches are
	 * submitted together, up to 256 at a time). Launches never wait, so a loop that reads nothing gets ahead of the GPU, and takes
	 * memory for all that is to be done: such a loop awaits this once per step. The GPU does not run out of work meanwhile.
	 *
	 * @param batches at least 1 (default 8)
	 * @throws what failed on the GPU, CaptureError inside a captured step
	 * @example
	 * for (const batch of batches) {
	 *   trainer.step(batch);
	 *   await gpu.throttle();
	 * }
	 */
	throttle(batches = 8): Promise<void> {
		this.refuseInStep("waits for the GPU");
		return this.waitFor(batches);
	}

	private async waitFor(batches: number): Promise<void> {
		checkNumber("gpu.throttle", "batches", batches, { least: 1, whole: true });
		this.check();
		const done = this.flight.throttle(batches);
		if (done !== undefined) await this.idly(done);
		this.check();
	}

	/** Submits what was recorded and waits until the GPU has done it. */
	finish(): Promise<void> {
		this.refuseInStep("waits for the GPU");
		return this.finishAll();
	}

	private async finishAll(): Promise<void> {
		this.check();
		this.submit();
		await this.idly(this.flight.mark().reached);
		await this.settle();
	}

	/**
	 * For functions that wait: inside a captured step they throw at once. A promise would reject unseen if the step does not
	 * await it, and end the process in Node.
	 *
	 * @throws CaptureError inside a captured step
	 * @internal
	 */
	refuseInStep(what: string): void {
		this.recording?.refuse(what);
	}

	/**
	 * Reads buffers back, all of them with one copy and one wait (one each, where they do not fit into one buffer
	 * together). Each result has its storage's bytes.
	 *
	 * @throws TesseraError what failed in the commands that wrote them; LimitError for one that no buffer can hold.
	 */
	read(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
		this.refuseInStep(readsBack);
		return this.readAtOnce(storages);
	}

	private async readAtOnce(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
		this.countStep();
		this.check();
		checkStorages("gpu.read", "storages", storages);
		const offsets: number[] = [];
		let total = 0;
		for (const { bytes } of storages) {
			offsets.push(total);
			total += Math.ceil(bytes / 8) * 8;
		}
		if (total > this.limits.maxBufferSize && storages.length > 1) {
			const parts: ArrayBuffer[] = [];
			for (const storage of storages) parts.push(...(await this.readAtOnce([storage])));
			return parts;
		}
		const writtenBatches = storages.map(({ writtenBatch }) => writtenBatch);
		const staging = this.takeStaging(total);
		this.pass?.end();
		this.pass = undefined;
		this.encoder ??= this.device.createCommandEncoder();
		for (const [i, storage] of storages.entries())
			this.encoder.copyBufferToBuffer(storage.buffer, 0, staging.buffer, offsets[i], Math.ceil(storage.bytes / 4) * 4);
		this.submit();
		const submitted = this.flight.submitted;
		try {
			await this.idly(staging.buffer.mapAsync(usage.mapRead, 0, total));
		} catch (cause) {
			staging.buffer.destroy();
			await this.settle();
			throw new DeviceLostError(`Reading from the GPU failed: ${(cause as Error).message}`, { cause });
		}
		this.flight.reach(submitted);
		const mapped = staging.buffer.getMappedRange(0, total);
		const results = storages.map(({ bytes }, i) => mapped.slice(offsets[i], offsets[i] + bytes));
		staging.buffer.unmap();
		this.staging.push(staging);
		await this.settle();
		for (const batch of writtenBatches) {
			const failure = this.failedBatches.get(batch);
			if (failure !== undefined) throw failure;
		}
		return results;
	}

	/**
	 * Milliseconds that the GPU needs for the launches that `record` makes: by timestamps where the device has them,
	 * else by the clock around a wait.
	 */
	time(record: () => void): Promise<number> {
		this.refuseInStep("is timed inside");
		return this.timeAtOnce(record);
	}

	private async timeAtOnce(record: () => void): Promise<number> {
		checkFunction("gpu.time", "record", record);
		await this.finish();
		if (!this.has("timestamp-query")) {
			const start = performance.now();
			record();
			await this.finish();
			return performance.now() - start;
		}
		const words = this.allocate(16);
		const querySet = this.device.createQuerySet({ type: "timestamp", count: 2 });
		const resolved = this.device.createBuffer({ size: 16, usage: usage.queryResolve | usage.copySource });
		try {
			this.submit(); // what others recorded while this waited
			const encoder = this.device.createCommandEncoder();
			const pass = encoder.beginComputePass({
				timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
			});
			this.encoder = encoder;
			this.pass = pass;
			this.current = undefined;
			this.timing = true;
			try {
				record();
			} finally {
				this.timing = false;
			}
			if (this.pass !== pass)
				throw new ArgumentError("What is timed must only launch kernels: an upload or a copy has split its commands.");
			pass.end();
			this.pass = undefined;
			encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
			encoder.copyBufferToBuffer(resolved, 0, words.buffer, 0, 16);
			const [result] = await this.read([words]);
			const [begin, end] = new BigUint64Array(result as ArrayBuffer);
			return Number((end as bigint) - (begin as bigint)) / 1e6;
		} finally {
			this.submit(); // where something was thrown, the pass may still be open
			words.free();
			resolved.destroy();
			querySet.destroy();
		}
	}

	/** Destroys the device and all that is on it. */
	dispose(): void {
		this.lost ??= new DeviceLostError("This device was disposed of; open a new one.");
		this.device.destroy();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	/** Waits for what the GPU has yet to do. */
	private async idly<T>(work: Promise<T>): Promise<T> {
		const wake = this.options.idle?.();
		try {
			return await work;
		} finally {
			wake?.();
		}
	}

	private dispatch(pipeline: Pipeline, storages: readonly Storage[], workgroups: number): void {
		const y = Math.ceil(workgroups / this.maxGroups);
		const x = y > 1 ? Math.ceil(workgroups / y) : workgroups;
		if (this.recording !== undefined) {
			this.recording.dispatch(pipeline, storages, x, y);
			return;
		}
		for (let i = 0; i < storages.length; i++)
			if (!storages[i].alive)
				throw new DisposedError(
					`kernels/${pipeline.kernel.name}: the memory of binding ${i} was freed. Hold what gpu.uniform() returns with retain() if it is used later.`,
				);
		const group = this.pipelines.bindGroup(pipeline, storages);
		const compiled = this.pipelines.compiled(pipeline);
		if (this.pass === undefined) {
			this.encoder ??= this.device.createCommandEncoder();
			this.pass = this.encoder.beginComputePass();
			this.current = undefined;
		}
		if (compiled !== this.current) this.pass.setPipeline(compiled);
		this.current = compiled;
		this.pass.setBindGroup(0, group);
		this.pass.dispatchWorkgroups(x, y);
		for (let i = 0; i < storages.length; i++) this.markUse(storages[i], pipeline.declarations.kinds[i] === "storage");
		if (++this.recorded >= dispatchesPerSubmit && !this.timing) this.submit();
	}

	private createBuffer(size: number, kind = usage.storage): GPUBuffer {
		this.buffersMade++;
		this.flight.make();
		this.device.pushErrorScope("out-of-memory");
		const buffer = this.device.createBuffer({ size, usage: kind | usage.copySource | usage.copyDestination });
		const alive = this.memory().bytes;
		this.watch(
			this.device.popErrorScope().then((error) => {
				if (error === null) return undefined;
				this.pool.discard(buffer);
				return new OutOfMemoryError(
					`The GPU has no room for a buffer of ${size} bytes (${alive} bytes are alive). Use a smaller batch, or dispose of tensors.`,
				);
			}),
		);
		return buffer;
	}

	private takeStaging(bytes: number): StagingBuffer {
		const limit = this.limits.maxBufferSize;
		if (bytes > limit)
			throw new LimitError(
				`${bytes} bytes were to be read back at once, but a buffer of this device holds at most ${limit}.`,
			);
		const at = this.staging.findIndex(({ capacity }) => capacity >= bytes && capacity <= Math.max(4096, 4 * bytes));
		if (at >= 0) return this.staging.splice(at, 1)[0] as StagingBuffer;
		if (this.staging.length >= 8) this.staging.shift()?.buffer.destroy();
		const capacity = Math.min(limit, Math.max(4096, 2 ** Math.ceil(Math.log2(bytes))));
		const buffer = this.device.createBuffer({ size: capacity, usage: usage.mapRead | usage.copyDestination });
		this.buffersMade++;
		this.flight.make();
		return { buffer, capacity };
	}

	/** Notes that the batch being recorded uses a buffer, and whether it writes it. */
	private markUse(storage: Storage, written: boolean): void {
		if (this.failedBatches.size > 0) this.inheritFailure(storage);
		storage.lastBatch = this.batch;
		if (!written) return;
		storage.writtenBatch = this.batch;
		storage.changes.count++;
	}

	/** What comes of a failed batch is void too. */
	private inheritFailure({ writtenBatch }: Storage): void {
		const failure = this.failedBatches.get(writtenBatch);
		if (failure !== undefined) this.failedBatches.set(this.batch, failure);
	}

	/** @throws ArgumentError for a buffer of `uniform`, which others with the same contents share. */
	private checkWritable(storage: Storage): void {
		if (storage.contents !== undefined)
			throw new ArgumentError("A constant cannot be overwritten; make a tensor of your own with gpu.tensor().");
	}

	/** Throws what the GPU has reported since the last call: a lost device every time, other failures once. */
	private check(): void {
		if (this.lost !== undefined) throw this.lost;
		if (this.reports.size > 0 && this.failure === undefined) return;
		const error = this.failure ?? this.consequence;
		this.failure = undefined;
		this.consequence = undefined;
		if (error !== undefined) throw error;
	}

	/** Waits for the reports that are still on their way, then throws what they say. */
	private async settle(): Promise<void> {
		while (this.reports.size > 0) await this.idly(Promise.all(this.reports));
		this.check();
	}

	private watch(failure: Promise<TesseraError | undefined>): void {
		const { batch, trial } = this;
		if (trial !== undefined) trial.pending++;
		const report = failure.then(
			(error) => {
				if (error === undefined) return;
				this.failure ??= error;
				this.failedBatches.set(batch, error);
				if (trial === undefined) return;
				trial.failure = error;
				for (const later of trial.batches) this.failedBatches.set(later, error);
			},
			() => undefined, // a scope that cannot be popped belongs to a lost device, which `lost` reports
		);
		this.reports.add(report);
		report.finally(() => {
			this.reports.delete(report);
			if (trial !== undefined) trial.pending--;
		});
	}
}

/** The names of what a launch says. */
const launchNames = [
	"constants",
	"bindings",
	"uniforms",
	"workgroups",
	"flops",
] as const satisfies readonly (keyof Launch)[];

/** @throws ArgumentError unless it is a kernel, and a launch of one */
function checkLaunch(kernel: Kernel, launch: Launch): void {
	const caller = "gpu.launch";
	if (typeof kernel?.source !== "string" || typeof kernel.name !== "string")
		throw wrongArgument(caller, "kernel", "a kernel { name, source }", kernel);
	checkOptions(caller, launch, launchNames);
	const { constants = {}, bindings, uniforms = {}, workgroups, flops = 0 } = launch;
	if (typeof uniforms !== "object" || uniforms === null)
		throw wrongArgument(caller, "uniforms", "an object of numbers", uniforms);
	if (typeof constants !== "object" || constants === null)
		throw wrongArgument(caller, "constants", "an object of numbers", constants);
	checkStorages(caller, "bindings", bindings);
	if (!(Number.isInteger(workgroups) && workgroups >= 0))
		throw wrongArgument(caller, "workgroups", "a whole number of at least 0", workgroups);
	if (!(typeof flops === "number" && flops >= 0)) throw wrongArgument(caller, "flops", "a number of at least 0", flops);
}

function checkStorages(caller: string, name: string, storages: readonly Storage[]): void {
	checkArray(caller, name, storages, "an array of storages");
	for (let i = 0; i < storages.length; i++)
		if (!(storages[i] instanceof Storage))
			throw wrongArgument(caller, `${name}[${i}]`, "a storage, as of tensor.storage", storages[i]);
}
