import { checkFunction } from "../base/arguments.js";
import type { CommandStream } from "./command_stream.js";
import type { DeviceMemory } from "./device_memory.js";
import type { Readback } from "./readback.js";
import { bufferUsage, type WebGPUDevice } from "./webgpu.js";

/**
 * Times launches: by timestamps if the device has them, else by the clock around a wait.
 * @internal
 */
export class Timer {
	constructor(
		private readonly device: WebGPUDevice,
		private readonly memory: DeviceMemory,
		private readonly stream: CommandStream,
		private readonly readback: Readback,
	) {}

	/** Milliseconds of the launches that `launches` makes. */
	async time(launches: () => void): Promise<number> {
		checkFunction("gpu.time", "launches", launches);
		await this.stream.finish();
		if (this.device.features.has("timestamp-query")) return this.byTimestamps(launches);
		const start = performance.now();
		launches();
		await this.stream.finish();
		return performance.now() - start;
	}

	private async byTimestamps(launches: () => void): Promise<number> {
		const words = this.memory.allocate(16);
		const querySet = this.device.createQuerySet({ type: "timestamp", count: 2 });
		const resolved = this.device.createBuffer({ size: 16, usage: bufferUsage.queryResolve | bufferUsage.copySource });
		try {
			const writes = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
			const encoder = this.stream.timedPass(writes, launches);
			encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
			encoder.copyBufferToBuffer(resolved, 0, words.buffer, 0, 16);
			const [result] = await this.readback.read([words]);
			const [begin, end] = new BigUint64Array(result);
			return Number(end - begin) / 1e6;
		} finally {
			this.stream.submit(); // if something was thrown, the pass may still be open
			words.free();
			resolved.destroy();
			querySet.destroy();
		}
	}
}
