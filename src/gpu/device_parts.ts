import type { AdapterDescription } from "./adapter.js";
import { Tracer } from "./capture/tracer.js";
import { CommandStream } from "./command_stream.js";
import { DeviceMemory } from "./device_memory.js";
import type { DeviceOptions } from "./device_options.js";
import { GrowthWatch } from "./growth_watch.js";
import { type HostWait, hostWait } from "./host_wait.js";
import { LateErrors } from "./late_errors.js";
import { Launcher } from "./launch.js";
import { Pipelines } from "./pipelines.js";
import { Readback } from "./readback.js";
import { Timer } from "./timer.js";
import type { Tuner } from "./tuner.js";
import { Uniforms } from "./uniforms.js";
import type { WebGPUDevice } from "./webgpu.js";
import { WorkInFlight, workLimits } from "./work_in_flight.js";

/** What a device consists of; each part has one role, see its class. @internal */
export interface DeviceParts {
	readonly wait: HostWait;
	readonly work: WorkInFlight;
	readonly errors: LateErrors;
	readonly memory: DeviceMemory;
	readonly pipelines: Pipelines;
	readonly uniforms: Uniforms;
	readonly stream: CommandStream;
	readonly tracer: Tracer;
	readonly launcher: Launcher;
	readonly readback: Readback;
	readonly timer: Timer;
	readonly growth: GrowthWatch;
	readonly tuner: Tuner | undefined;
}

/** @internal */
export function createParts(device: WebGPUDevice, adapter: AdapterDescription, options: DeviceOptions): DeviceParts {
	const { poolLimit = 2 ** 30, maxDispatchesInFlight: dispatches = workLimits.dispatches, tuner } = options;
	const wait = hostWait(options.idle);
	const work = new WorkInFlight(() => device.queue.onSubmittedWorkDone(), { ...workLimits, dispatches });
	const errors = new LateErrors(device, work, wait);
	const memory = new DeviceMemory(device, work, errors, poolLimit, (id, lastBatch) => {
		stream.submitIfIn(lastBatch);
		pipelines.forgetBuffer(id);
	});
	const pipelines = new Pipelines(device, work, errors);
	const uniforms = new Uniforms(device, memory, work);
	const stream = new CommandStream(device, memory, pipelines, work, errors, wait);
	const tracer = new Tracer(stream);
	const launcher = new Launcher(device, adapter, pipelines, uniforms);
	const readback = new Readback(device, memory, stream, work, errors, wait);
	const timer = new Timer(device, memory, stream, readback);
	const growth = new GrowthWatch((message) => console.warn(message));
	return {
		wait,
		work,
		errors,
		memory,
		pipelines,
		uniforms,
		stream,
		tracer,
		launcher,
		readback,
		timer,
		growth,
		tuner,
	};
}
