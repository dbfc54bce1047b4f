import { checkNumber } from "../base/arguments.js";
import { ArgumentError, DisposedError } from "../base/errors.js";
import type { CommandSink } from "./command_sink.js";
import type { DeviceMemory } from "./device_memory.js";
import type { HostWait } from "./host_wait.js";
import { titleOf } from "./kernel.js";
import type { LateErrors } from "./late_errors.js";
import type { Pipeline, Pipelines } from "./pipelines.js";
import type { Storage } from "./storage.js";
import type { WebGPUDevice } from "./webgpu.js";
import type { WorkInFlight } from "./work_in_flight.js";

/** Commands are submitted after this many dispatches at the latest, so that the GPU has work while more is encoded. */
const dispatchesPerSubmit = 256;

/** Commands that were looked up before, for `CommandStream.append`. @internal */
export interface PreparedCommands {
	readonly dispatches: number;
	/** Encodes them into `pass` if it is open; returns the pass that is open at the end. */
	encode(encoder: GPUCommandEncoder, pass: GPUComputePassEncoder | undefined): GPUComputePassEncoder | undefined;
}

/**
 * Encodes commands into one compute pass of one command encoder, and submits them in batches. A storage notes the last batch that
 * uses it and the last batch that writes it.
 * @internal
 */
export class CommandStream implements CommandSink {
	private encoder: GPUCommandEncoder | undefined;
	private pass: GPUComputePassEncoder | undefined;
	/** The pipeline that is set in the pass. */
	private pipeline: GPUComputePipeline | undefined;
	private encodedDispatches = 0;
	private submittedDispatches = 0;
	/** In a timed pass nothing is submitted before it ends. */
	private timing = false;

	constructor(
		private readonly device: WebGPUDevice,
		private readonly memory: DeviceMemory,
		private readonly pipelines: Pipelines,
		private readonly work: WorkInFlight,
		private readonly errors: LateErrors,
		private readonly wait: HostWait,
	) {}

	/** Dispatches so far. */
	get dispatches(): number {
		return this.submittedDispatches + this.encodedDispatches;
	}

	allocate(bytes: number): Storage {
		return this.memory.allocate(bytes);
	}

	write(storage: Storage, data: ArrayBufferView): void {
		storage.writtenBatch = -1;
		storage.changes.count++;
		this.submitIfIn(storage.lastBatch); // the upload comes before all commands that are not submitted
		this.work.countUpload(data.byteLength);
		this.device.queue.writeBuffer(
			storage.buffer,
			storage.offset,
			data.buffer as ArrayBuffer,
			data.byteOffset,
			data.byteLength,
		);
	}

	copy(from: Storage, to: Storage): void {
		const bytes = Math.min(from.bytes, to.bytes);
		this.encoderForCopies().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
		this.markUse(from, false);
		this.markUse(to, true);
	}

	dispatch(pipeline: Pipeline, storages: readonly Storage[], x: number, y: number): void {
		for (let i = 0; i < storages.length; i++)
			if (!storages[i].alive)
				throw new DisposedError(
					`gpu.launch: the memory of binding ${i} of ${titleOf(pipeline.kernel.name)} was freed. Call retain() on what gpu.uniform() returns if it is used later.`,
				);
		const group = this.pipelines.bindGroup(pipeline, storages);
		const compiled = this.pipelines.compiled(pipeline);
		if (this.pass === undefined) {
			this.encoder ??= this.device.createCommandEncoder();
			this.pass = this.encoder.beginComputePass();
			this.pipeline = undefined;
		}
		if (compiled !== this.pipeline) this.pass.setPipeline(compiled);
		this.pipeline = compiled;
		this.pass.setBindGroup(0, group);
		this.pass.dispatchWorkgroups(x, y);
		for (let i = 0; i < storages.length; i++) this.markUse(storages[i], pipeline.declarations.kinds[i] === "storage");
		if (++this.encodedDispatches >= dispatchesPerSubmit && !this.timing) this.submit();
	}

	feed(_storage: Storage, upload: () => void): void {
		upload();
	}

	refuse(): void {
		// Everything may be done outside of a trace.
	}

	/** Encodes commands after those that are encoded already. */
	append(commands: PreparedCommands): void {
		this.encoder ??= this.device.createCommandEncoder();
		this.pass = commands.encode(this.encoder, this.pass);
		this.pipeline = undefined;
		this.encodedDispatches += commands.dispatches;
	}

	/** Submits, unless a pass is timed. */
	submitUnlessTiming(): void {
		if (!this.timing) this.submit();
	}

	/** Ends the compute pass; the encoder takes copies next. */
	encoderForCopies(): GPUCommandEncoder {
		this.pass?.end();
		this.pass = undefined;
		this.encoder ??= this.device.createCommandEncoder();
		return this.encoder;
	}

	/** Submits if a batch is the one that is encoded now. */
	submitIfIn(batch: number): void {
		if (batch === this.work.batch) this.submit();
	}

	/** Submits what was encoded. */
	submit(): void {
		if (this.encoder === undefined) return;
		this.pass?.end();
		this.device.queue.submit([this.encoder.finish()]);
		this.submittedDispatches += this.encodedDispatches;
		this.work.submit(this.encodedDispatches);
		this.encoder = undefined;
		this.pass = undefined;
		this.encodedDispatches = 0;
	}

	/** Submits what was encoded and waits until the GPU has done it. */
	async finish(): Promise<void> {
		this.errors.check();
		this.submit();
		await this.wait(this.work.mark().reached);
		await this.errors.settle();
	}

	/** Waits until at most so many batches are in flight. */
	async throttle(batches: number): Promise<void> {
		checkNumber("gpu.throttle", "batches", batches, { least: 1, whole: true });
		this.errors.check();
		const done = this.work.throttle(batches);
		if (done !== undefined) await this.wait(done);
		this.errors.check();
	}

	/**
	 * Encodes the launches of `body` into one compute pass that writes timestamps at its beginning and end.
	 *
	 * @returns the encoder, to resolve the timestamps with
	 * @throws ArgumentError if `body` does more than launch kernels
	 */
	timedPass(timestampWrites: GPUComputePassTimestampWrites, body: () => void): GPUCommandEncoder {
		this.submit();
		const encoder = this.device.createCommandEncoder();
		const pass = encoder.beginComputePass({ timestampWrites });
		this.encoder = encoder;
		this.pass = pass;
		this.pipeline = undefined;
		this.timing = true;
		try {
			body();
		} finally {
			this.timing = false;
		}
		if (this.pass !== pass)
			throw new ArgumentError(
				"gpu.time: launches must only launch kernels, but an upload or a copy has split their compute pass: do it before.",
			);
		return this.encoderForCopies();
	}

	/** The batch that is encoded now uses a storage. */
	private markUse(storage: Storage, written: boolean): void {
		if (this.errors.anyBatchFailed) this.errors.inherit(storage);
		const { batch } = this.work;
		storage.lastBatch = batch;
		if (written) {
			storage.writtenBatch = batch;
			storage.changes.count++;
		}
		for (let i = 0; i < storage.parts.length; i++) this.markUse(storage.parts[i], written);
	}
}
