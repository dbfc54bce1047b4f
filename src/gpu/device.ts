/// <reference lib="esnext.disposable" preserve="true" />

import { checkInstance, checkNumber, wrongArgument } from "../base/arguments.js";
import { LimitError, TesseraError } from "../base/errors.js";
import { type AdapterDescription, fixedSubgroupSize } from "./adapter.js";
import type { BlockedKernels } from "./blocked_kernels.js";
import type { MemoryUse } from "./buffer_pool.js";
import type { Trace } from "./capture/trace.js";
import type { DeviceOptions, VariantKernels } from "./device_options.js";
import { createParts, type DeviceParts } from "./device_parts.js";
import type { Constants, Kernel } from "./kernel.js";
import { checkLaunch, type Launch, type LaunchEvent } from "./launch.js";
import type { PortableKernels } from "./portable_kernels.js";
import { checkWritable, Storage, storageWanted } from "./storage.js";
import type { TiledKernels } from "./tiled_kernels.js";
import type { Variant, Variants } from "./variant.js";
import type { WebGPUDevice, WebGPULimits } from "./webgpu.js";

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
 * next call (`LateErrors`). The work is done by the parts (device_parts.ts); this class checks arguments.
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
	/** How many bytes a kernel can bind at once, in whole vectors of 16. @internal */
	readonly bindableBytes: number;
	/** @internal */
	readonly parts: DeviceParts;

	/** @internal */
	constructor(
		/** The WebGPU device, for code that goes beyond this library. */
		readonly device: WebGPUDevice,
		readonly adapter: AdapterDescription,
		private readonly options: DeviceOptions = {},
	) {
		this.variants = options.variants ?? ["portable"];
		this.subgroupSize = fixedSubgroupSize(adapter);
		const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
		this.bindableBytes = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 16) * 16;
		this.parts = createParts(device, adapter, options);
	}

	/**
	 * Called with kernel and constants before each pipeline is compiled. For debugging and benchmarks;
	 * `openDevice({ debug: "shaders" })` sets it.
	 *
	 * @internal
	 */
	set onCompile(listener: ((kernel: Kernel, constants: Constants) => void) | undefined) {
		this.parts.pipelines.onCompile = listener;
	}

	/** Whether the device was opened with a WebGPU feature. */
	has(feature: string): boolean {
		if (typeof feature !== "string") throw wrongArgument("gpu.has", "feature", "the name of a feature", feature);
		return this.device.features.has(feature);
	}

	get limits(): WebGPULimits {
		return this.device.limits;
	}

	/** @internal */
	get portableKernels(): PortableKernels {
		return this.loaded("portable");
	}

	/** @internal */
	get tiledKernels(): TiledKernels {
		return this.loaded("tiled");
	}

	/** @internal */
	get blockedKernels(): BlockedKernels {
		return this.loaded("blocked");
	}

	/** @throws TesseraError if the device was opened without the kernels of this variant */
	private loaded<V extends Variant>(variant: V): NonNullable<VariantKernels[V]> {
		const kernels = this.options.kernels?.[variant];
		if (kernels === undefined)
			throw new TesseraError(`The device was opened without the ${variant} kernels: use openDevice().`);
		return kernels;
	}

	/** The buffers in use, and those that are free in the pool. */
	memory(): MemoryUse {
		return this.parts.memory.pool.use();
	}

	counters(): Counters {
		const { stream, work, pipelines, memory } = this.parts;
		return {
			dispatches: stream.dispatches,
			submits: work.batch,
			batchesInFlight: work.batches,
			...pipelines.counts,
			buffersMade: memory.created,
		};
	}

	/** Called once or more for each step of a loop: by its backward pass, replay or read; see `GrowthWatch`. @internal */
	countStep(): void {
		if (this.trace === undefined) this.parts.growth.step(this.parts.memory.pool.held);
	}

	/** Destroys the free buffers of the pool, and those kept for reads. */
	trim(): void {
		this.parts.readback.trim();
		this.parts.memory.pool.trim();
	}

	/**
	 * Takes a buffer of at least `bytes` from the pool. Its contents are undefined.
	 *
	 * @throws LimitError if a kernel could not bind that many bytes at once
	 */
	allocate(bytes: number): Storage {
		checkNumber("gpu.allocate", "bytes", bytes, wholeAtLeastOne);
		if (bytes > this.bindableBytes)
			throw new LimitError(
				`gpu.allocate: bytes is ${bytes}, but this device binds at most ${this.bindableBytes} bytes at once: use smaller tensors, such as a smaller batch.`,
			);
		return this.parts.tracer.sink.allocate(bytes);
	}

	/** The step that is traced now. @internal */
	get trace(): Trace | undefined {
		return this.parts.tracer.trace;
	}

	/** Copies host data to the start of a buffer; commands encoded before this call still read the old contents. */
	write(storage: Storage, data: ArrayBufferView): void {
		const { errors, work, tracer } = this.parts;
		errors.check();
		checkInstance("gpu.write", "storage", storage, Storage, storageWanted);
		if (!ArrayBuffer.isView(data)) throw wrongArgument("gpu.write", "data", "a typed array", data);
		work.check();
		checkWritable("gpu.write", storage);
		if (data.byteLength > Math.ceil(storage.bytes / 4) * 4)
			throw new LimitError(
				`gpu.write: data has ${data.byteLength} bytes, but storage has ${storage.bytes}: they must fit into it.`,
			);
		tracer.sink.write(storage, data);
	}

	/** Copies one buffer's bytes to another, as many as both have. */
	copyStorage(from: Storage, to: Storage): void {
		this.parts.errors.check();
		checkInstance("gpu.copyStorage", "from", from, Storage, storageWanted);
		checkInstance("gpu.copyStorage", "to", to, Storage, storageWanted);
		if (from === to) return;
		checkWritable("gpu.copyStorage", to);
		const { sink } = this.parts.tracer;
		if (from.whole === undefined || from.whole !== to.whole) {
			sink.copy(from, to);
			return;
		}
		// WebGPU copies nothing inside of a buffer.
		const between = sink.allocate(from.bytes);
		sink.copy(from, between);
		sink.copy(between, to);
		between.free();
	}

	/**
	 * A small read-only buffer with these 32-bit words, for a kernel's scalars. The same words give the same buffer, so a step that
	 * repeats its scalars creates none.
	 */
	uniform(words: Float32Array | Uint32Array | Int32Array): Storage {
		if (!(words instanceof Float32Array || words instanceof Uint32Array || words instanceof Int32Array))
			throw wrongArgument("gpu.uniform", "words", "a Float32Array, Uint32Array or Int32Array", words);
		return this.parts.uniforms.get(words);
	}

	/** Launches a kernel. */
	launch(kernel: Kernel, launch: Launch): void {
		const { errors, work, tracer, launcher } = this.parts;
		errors.check();
		checkLaunch(kernel, launch);
		work.check();
		const { sink, trace } = tracer;
		trace?.launches.push({ kernel, launch });
		this.onLaunch?.({ kernel, launch, mode: trace === undefined ? "eager" : "traced" });
		launcher.launch(kernel, launch, sink);
	}

	/** Submits the commands that were encoded. */
	flush(): void {
		this.parts.tracer.sink.refuse("submits its commands");
		this.parts.stream.submit();
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
		return this.parts.stream.throttle(batches);
	}

	/** Submits the commands that were encoded, and waits until the GPU has done them. @throws what failed on the GPU */
	finish(): Promise<void> {
		this.refuseInStep("waits for the GPU");
		return this.parts.stream.finish();
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
		return this.parts.readback.read(storages);
	}

	/**
	 * Milliseconds that the GPU needs for the launches that `launches` makes: by timestamps if the device has them, else by the
	 * clock around a wait.
	 */
	time(launches: () => void): Promise<number> {
		this.refuseInStep("is timed inside");
		return this.parts.timer.time(launches);
	}

	/**
	 * For functions that wait: inside a captured step they throw at once. A promise would reject unseen if the step does not
	 * await it, and end the process in Node.
	 *
	 * @throws CaptureError inside a captured step
	 * @internal
	 */
	refuseInStep(what: string): void {
		this.parts.tracer.sink.refuse(what);
	}

	/** Destroys the device and everything on it. */
	dispose(): void {
		this.parts.errors.lose("This device was disposed of; open a new one.");
		this.device.destroy();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}
}
