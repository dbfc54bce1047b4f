/// <reference lib="esnext.disposable" preserve="true" />

import { checkInstance, checkNumber, wrongArgument } from "../base/arguments.js";
import { ArgumentError, LimitError, TesseraError } from "../base/errors.js";
import { type AdapterDescription, fixedSubgroupSize } from "./adapter.js";
import type { BlockedKernels } from "./blocked_kernels.js";
import type { MemoryUse } from "./buffer_pool.js";
import { Replay } from "./capture/replay.js";
import { Trace } from "./capture/trace.js";
import { Tracer } from "./capture/tracer.js";
import { CommandStream } from "./command_stream.js";
import { DeviceMemory } from "./device_memory.js";
import { GrowthWatch } from "./growth_watch.js";
import { type HostWait, hostWait } from "./host_wait.js";
import type { Kernel } from "./kernel.js";
import { LateErrors } from "./late_errors.js";
import { checkLaunch, type Launch, type LaunchEvent, Launcher } from "./launch.js";
import { Pipelines } from "./pipelines.js";
import { Readback } from "./readback.js";
import { Storage, storageWanted } from "./storage.js";
import { Timer } from "./timer.js";
import type { Tuner } from "./tuner.js";
import { Uniforms } from "./uniforms.js";
import type { Variants } from "./variant.js";
import type { WebGPUDevice, WebGPULimits } from "./webgpu.js";
import { WorkInFlight, workLimits } from "./work_in_flight.js";

export interface DeviceOptions {
	/** Free buffers are kept for reuse up to this many bytes (default 1 GiB). */
	readonly poolLimit?: number;
	/** Called when the host starts to wait for the GPU; the function that it returns is called when the wait ends. */
	readonly idle?: (() => () => void) | undefined;
	/**
	 * How many dispatches may be in flight before a launch throws an OverloadError (default 2²⁰). Only a loop that awaits nothing
	 * reaches it; see `throttle`.
	 */
	readonly maxDispatchesInFlight?: number;
	/** Times the variants of kernels; without it nothing is timed. @internal */
	readonly tuner?: Tuner | undefined;
	/** The variants to choose from, the preferred one first (default: the portable ones alone). @internal */
	readonly variants?: Variants;
	/** The blocked kernels, if they are one of the variants. @internal */
	readonly blockedKernels?: BlockedKernels | undefined;
	/** Called with each kernel that is compiled. @internal */
	readonly onShader?: ((kernel: Kernel) => void) | undefined;
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

/** What an error says of a read inside a captured step. @internal */
export const readsBack = "reads back: read after replay()";

const wholeAtLeastOne = { least: 1, whole: true };

/**
 * The machine: what operations may ask of it. It knows kernels as data and nothing of tensors.
 *
 * Launches and copies never wait: they are encoded and submitted in batches (`CommandStream`), or go into the trace of a step that
 * is captured (`Tracer`). Only `read`, `finish`, `throttle` and `time` wait. Errors that the GPU reports late are thrown by the
 * next call (`LateErrors`). A program that only uses operations calls none of these but `finish`, `throttle`, `memory`, `trim`
 * and `dispose`.
 */
export class Device {
	/** The variants of the kernels that this device chooses from, the preferred one first. */
	readonly variants: Variants;
	/** Lanes of a subgroup, if all subgroups have the same size of at least 4; else 0. */
	readonly subgroupSize: number;
	/**
	 * Called before each launch: when it is encoded, traced or replayed. For debugging and benchmarks;
	 * `openDevice({ debug: "launches" })` sets it.
	 *
	 * @example
	 * gpu.onLaunch = ({ kernel, launch }) => console.log(kernel.name, launch.workgroups);
	 */
	onLaunch: ((event: LaunchEvent) => void) | undefined;
	/** @internal */
	protected readonly tracer: Tracer;
	/** @internal */
	protected readonly tuner: Tuner | undefined;
	private readonly wait: HostWait;
	private readonly work: WorkInFlight;
	private readonly errors: LateErrors;
	private readonly buffers: DeviceMemory;
	private readonly pipelines: Pipelines;
	private readonly uniforms: Uniforms;
	private readonly stream: CommandStream;
	private readonly launcher: Launcher;
	private readonly readback: Readback;
	private readonly timer: Timer;
	private readonly growth = new GrowthWatch((message) => console.warn(message));

	/** @internal */
	constructor(
		/** The WebGPU device, for code that goes beyond this library. */
		readonly device: WebGPUDevice,
		readonly adapter: AdapterDescription,
		private readonly options: DeviceOptions = {},
	) {
		const { poolLimit = 2 ** 30, maxDispatchesInFlight: dispatches = workLimits.dispatches } = options;
		this.variants = options.variants ?? ["portable"];
		this.tuner = options.tuner;
		this.subgroupSize = fixedSubgroupSize(adapter);
		const wait = hostWait(options.idle);
		const work = new WorkInFlight(() => device.queue.onSubmittedWorkDone(), { ...workLimits, dispatches });
		const errors = new LateErrors(device, work, wait);
		const buffers = new DeviceMemory(device, work, errors, poolLimit, (id, lastBatch) => {
			this.stream.submitIfIn(lastBatch);
			pipelines.forgetBuffer(id);
		});
		const pipelines = new Pipelines(device, work, errors, options.onShader);
		const stream = new CommandStream(device, buffers, pipelines, work, errors, wait);
		this.wait = wait;
		this.work = work;
		this.errors = errors;
		this.buffers = buffers;
		this.pipelines = pipelines;
		this.stream = stream;
		this.uniforms = new Uniforms(device, buffers, work);
		this.launcher = new Launcher(device, adapter, pipelines, this.uniforms);
		this.readback = new Readback(device, buffers, stream, work, errors, wait);
		this.timer = new Timer(device, buffers, stream, this.readback);
		this.tracer = new Tracer(stream);
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

	/** The buffers in use, and those that are free in the pool. */
	memory(): MemoryUse {
		return this.buffers.pool.use();
	}

	counters(): Counters {
		return {
			dispatches: this.stream.dispatches,
			submits: this.work.batch,
			batchesInFlight: this.work.batches,
			...this.pipelines.counts,
			buffersMade: this.buffers.created,
		};
	}

	/** Called once or more for each step of a loop: by its backward pass, replay or read; see `GrowthWatch`. @internal */
	countStep(): void {
		if (this.tracer.trace === undefined) this.growth.step(this.buffers.pool.held);
	}

	/** Destroys the free buffers of the pool, and those kept for reads. */
	trim(): void {
		this.readback.trim();
		this.buffers.pool.trim();
	}

	/**
	 * Takes a buffer of at least `bytes` from the pool. Its contents are undefined.
	 *
	 * @throws LimitError if a kernel could not bind that many bytes at once
	 */
	allocate(bytes: number): Storage {
		checkNumber("gpu.allocate", "bytes", bytes, wholeAtLeastOne);
		const limit = Math.min(this.limits.maxStorageBufferBindingSize, this.limits.maxBufferSize);
		if (bytes > limit)
			throw new LimitError(
				`gpu.allocate: bytes is ${bytes}, but this device binds at most ${limit} bytes at once: use smaller tensors, such as a smaller batch.`,
			);
		return this.tracer.sink.allocate(bytes);
	}

	/** Copies host data to the start of a buffer; commands encoded before this call still read the old contents. */
	write(storage: Storage, data: ArrayBufferView): void {
		this.errors.check();
		checkInstance("gpu.write", "storage", storage, Storage, storageWanted);
		if (!ArrayBuffer.isView(data)) throw wrongArgument("gpu.write", "data", "a typed array", data);
		this.work.check();
		checkWritable("gpu.write", storage);
		if (data.byteLength > Math.ceil(storage.bytes / 4) * 4)
			throw new LimitError(
				`gpu.write: data has ${data.byteLength} bytes, but storage has ${storage.bytes}: they must fit into it.`,
			);
		this.tracer.sink.write(storage, data);
	}

	/** Copies one buffer's bytes to another, as many as both have. */
	copyStorage(from: Storage, to: Storage): void {
		this.errors.check();
		checkInstance("gpu.copyStorage", "from", from, Storage, storageWanted);
		checkInstance("gpu.copyStorage", "to", to, Storage, storageWanted);
		if (from === to) return;
		checkWritable("gpu.copyStorage", to);
		this.tracer.sink.copy(from, to);
	}

	/**
	 * A small read-only buffer with these 32-bit words, for a kernel's scalars. The same words give the same buffer, so a step that
	 * repeats its scalars creates none.
	 */
	uniform(words: Float32Array | Uint32Array | Int32Array): Storage {
		if (!(words instanceof Float32Array || words instanceof Uint32Array || words instanceof Int32Array))
			throw wrongArgument("gpu.uniform", "words", "a Float32Array, Uint32Array or Int32Array", words);
		return this.uniforms.get(words);
	}

	/** Launches a kernel. */
	launch(kernel: Kernel, launch: Launch): void {
		this.errors.check();
		checkLaunch(kernel, launch);
		this.work.check();
		const { sink, trace } = this.tracer;
		trace?.launches.push({ kernel, launch });
		this.onLaunch?.({ kernel, launch, mode: trace === undefined ? "eager" : "traced" });
		this.launcher.launch(kernel, launch, sink);
	}

	/** Submits the commands that were encoded. */
	flush(): void {
		this.tracer.sink.refuse("submits its commands");
		this.stream.submit();
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
		return this.stream.throttle(batches);
	}

	/** Submits the commands that were encoded, and waits until the GPU has done them. @throws what failed on the GPU */
	finish(): Promise<void> {
		this.refuseInStep("waits for the GPU");
		return this.stream.finish();
	}

	/**
	 * Reads buffers, all of them with one copy and one wait (one each, if they do not fit into one buffer together). Each result
	 * has its storage's bytes.
	 *
	 * @throws TesseraError what failed in the commands that wrote them, LimitError if no buffer can hold one of them
	 */
	read(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
		this.refuseInStep(readsBack);
		this.countStep();
		return this.readback.read(storages);
	}

	/**
	 * Milliseconds that the GPU needs for the launches that `launches` makes: by timestamps if the device has them, else by the
	 * clock around a wait.
	 */
	time(launches: () => void): Promise<number> {
		this.refuseInStep("is timed inside");
		return this.timer.time(launches);
	}

	/**
	 * For functions that wait: inside a captured step they throw at once. A promise would reject unseen if the step does not
	 * await it, and end the process in Node.
	 *
	 * @throws CaptureError inside a captured step
	 * @internal
	 */
	refuseInStep(what: string): void {
		this.tracer.sink.refuse(what);
	}

	/** Destroys the device and everything on it. */
	dispose(): void {
		this.errors.lose("This device was disposed of; open a new one.");
		this.device.destroy();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	/** Whether a step is traced that has not allocated this storage. @internal */
	isExternal(storage: Storage): boolean {
		return this.tracer.isExternal(storage);
	}

	/** Runs `body` eagerly, also while a step is traced. @internal */
	runEagerly<T>(body: () => T): T {
		return this.tracer.runEagerly(body);
	}

	/** Calls `upload` now or, if a step is captured, before each replay. @internal */
	protected feedStorage(storage: Storage, upload: () => void): void {
		this.errors.check();
		checkWritable("gpu.feed", storage);
		this.tracer.sink.feed(storage, upload);
	}

	/** Compiles the kernels of a traced step in parallel, and times their variants. @throws ShaderError, DeviceLostError @internal */
	protected async compile(trace: Trace): Promise<void> {
		try {
			await this.wait(this.pipelines.compileAll(trace.pipelines));
			await this.tuner?.tune(trace, {
				time: (launches) => this.time(launches),
				buildReplay: (part) => this.buildReplay(part),
				createTrace: () => new Trace("prepare"),
			});
		} catch (error) {
			throw this.errors.lost ?? error;
		} finally {
			trace.release();
		}
	}

	/** Gives a traced step buffers, and compiles what is not compiled yet. @internal */
	protected buildReplay(trace: Trace): Replay {
		const { pipelines, stream, work, errors } = this;
		return new Replay(trace, { pool: this.buffers.pool, pipelines, stream, work, errors });
	}

	/** @throws TesseraError if the step cannot be replayed: a kernel or a buffer of it failed, or it was disposed of @internal */
	protected replay(replay: Replay): void {
		this.errors.check();
		this.tracer.sink.refuse("replays another one");
		this.work.check();
		if (this.onLaunch !== undefined)
			for (const launch of replay.trace.launches) this.onLaunch({ ...launch, mode: "replayed" });
		replay.replay();
		this.countStep();
	}
}

/** @throws ArgumentError for a buffer of `uniform`, which is shared with others that have the same contents */
function checkWritable(caller: string, storage: Storage): void {
	if (storage.contents !== undefined)
		throw new ArgumentError(
			`${caller}: a constant cannot be overwritten: use a tensor of gpu.tensor() instead of gpu.constant().`,
		);
}
