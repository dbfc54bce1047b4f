import { DeviceLostError, LimitError } from "../base/errors.js";
import type { CommandStream } from "./command_stream.js";
import type { DeviceMemory } from "./device_memory.js";
import type { HostWait } from "./host_wait.js";
import type { LateErrors } from "./late_errors.js";
import { checkStorages, type Storage } from "./storage.js";
import { bufferUsage, type WebGPUDevice } from "./webgpu.js";
import type { WorkInFlight } from "./work_in_flight.js";

/** A buffer through which the host reads; kept for the next read. */
interface StagingBuffer {
	readonly buffer: GPUBuffer;
	readonly capacity: number;
}

/** How many staging buffers are kept. */
const keptBuffers = 8;
const smallestBuffer = 4096;

/**
 * Reads storages: copies them into one staging buffer, submits, and maps it.
 * @internal
 */
export class Readback {
	private readonly staging: StagingBuffer[] = [];

	constructor(
		private readonly device: WebGPUDevice,
		private readonly memory: DeviceMemory,
		private readonly stream: CommandStream,
		private readonly work: WorkInFlight,
		private readonly errors: LateErrors,
		private readonly wait: HostWait,
	) {}

	async read(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
		this.errors.check();
		checkStorages("gpu.read", "storages", storages);
		const offsets: number[] = [];
		let total = 0;
		for (const { bytes } of storages) {
			offsets.push(total);
			total += Math.ceil(bytes / 8) * 8;
		}
		if (total > this.device.limits.maxBufferSize && storages.length > 1) {
			const parts: ArrayBuffer[] = [];
			for (const storage of storages) parts.push(...(await this.read([storage])));
			return parts;
		}
		const writtenBatches = storages.map(({ writtenBatch }) => writtenBatch);
		const staging = this.take(total);
		const encoder = this.stream.encoderForCopies();
		for (const [i, { buffer, offset, bytes }] of storages.entries())
			encoder.copyBufferToBuffer(buffer, offset, staging.buffer, offsets[i], Math.ceil(bytes / 4) * 4);
		this.stream.submit();
		const { submitted } = this.work;
		try {
			await this.wait(staging.buffer.mapAsync(bufferUsage.mapRead, 0, total));
		} catch (cause) {
			staging.buffer.destroy();
			await this.errors.settle();
			throw new DeviceLostError(`Reading from the GPU failed: ${(cause as Error).message}`, { cause });
		}
		this.work.reach(submitted);
		const mapped = staging.buffer.getMappedRange(0, total);
		const results = storages.map(({ bytes }, i) => mapped.slice(offsets[i], offsets[i] + bytes));
		staging.buffer.unmap();
		this.staging.push(staging);
		await this.errors.settle();
		for (const batch of writtenBatches) {
			const failure = this.errors.failureOf(batch);
			if (failure !== undefined) throw failure;
		}
		return results;
	}

	/** Destroys the staging buffers that are kept. */
	trim(): void {
		for (const { buffer } of this.staging.splice(0)) buffer.destroy();
	}

	private take(bytes: number): StagingBuffer {
		const limit = this.device.limits.maxBufferSize;
		if (bytes > limit)
			throw new LimitError(
				`gpu.read: storages have ${bytes} bytes, but a buffer of this device has at most ${limit}: read parts of them.`,
			);
		const at = this.staging.findIndex(
			({ capacity }) => capacity >= bytes && capacity <= Math.max(smallestBuffer, 4 * bytes),
		);
		if (at >= 0) return this.staging.splice(at, 1)[0];
		if (this.staging.length >= keptBuffers) this.staging.shift()?.buffer.destroy();
		const capacity = Math.min(limit, Math.max(smallestBuffer, 2 ** Math.ceil(Math.log2(bytes))));
		return { buffer: this.memory.createStagingBuffer(capacity), capacity };
	}
}
