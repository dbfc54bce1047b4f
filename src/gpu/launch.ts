import { checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import type { AdapterDescription } from "./adapter.js";
import type { CommandSink } from "./command_sink.js";
import { type Constants, type Kernel, packWords, type UniformValues } from "./kernel.js";
import type { Pipeline, Pipelines } from "./pipelines.js";
import { checkStorages, type Storage } from "./storage.js";
import type { Uniforms } from "./uniforms.js";
import type { WebGPUDevice } from "./webgpu.js";

/** One launch of a kernel. */
export interface Launch {
	readonly constants?: Constants;
	/**
	 * The storage buffers of the kernel's bindings, in order, without its uniform and its `Slice`. A
	 * binding of vectors of 4 includes the last one whole; what it has after the last element has no
	 * meaning.
	 */
	readonly bindings: readonly Storage[];
	/** The fields of the kernel's uniform, by name. */
	readonly uniforms?: UniformValues;
	/** How many workgroups. A grid that is too long for one dimension is folded into rows. */
	readonly workgroups: number;
	/**
	 * Floating-point operations of the whole launch, for kernels with a `Slice`: a launch that would keep the device busy for too
	 * long is split into several dispatches.
	 */
	readonly flops?: number;
}

/** A launch, as `gpu.onLaunch` gets it. */
export interface LaunchEvent {
	readonly kernel: Kernel;
	readonly launch: Launch;
	/** "traced" if it was only noted for later replays. */
	readonly mode: "eager" | "traced" | "replayed";
}

/** Floating-point operations of one dispatch at most: well under a second on the slowest adapters of each kind. */
const flopsPerDispatch = { software: 5e8, hardware: 1e10 };
/** Dispatches into which one launch is split at most. */
const maxSlices = 256;

/**
 * Turns a launch into dispatches: looks up the pipeline, packs the uniform, splits launches that take too long, and folds grids.
 * @internal
 */
export class Launcher {
	private readonly maxWorkgroups: number;
	private readonly flopsPerDispatch: number;

	constructor(
		{ limits }: WebGPUDevice,
		{ software }: AdapterDescription,
		private readonly pipelines: Pipelines,
		private readonly uniforms: Uniforms,
	) {
		this.maxWorkgroups = limits.maxComputeWorkgroupsPerDimension;
		this.flopsPerDispatch = software ? flopsPerDispatch.software : flopsPerDispatch.hardware;
	}

	launch(kernel: Kernel, launch: Launch, sink: CommandSink): void {
		const { constants = {}, bindings, uniforms = {}, workgroups, flops = 0 } = launch;
		const pipeline = this.pipelines.get(kernel, constants);
		const { uniform, slice } = pipeline.declarations;
		const buffers = [...bindings];
		if (uniform !== undefined)
			buffers.splice(uniform.binding, 0, this.uniforms.get(packWords(kernel, uniform, uniforms)));
		if (slice === undefined) {
			this.dispatch(pipeline, buffers, workgroups, sink);
			return;
		}
		const slices = Math.min(maxSlices, Math.max(1, Math.ceil(flops / this.flopsPerDispatch)));
		const size = Math.ceil(workgroups / slices);
		for (let first = 0; first < workgroups; first += size) {
			const last = Math.min(first + size, workgroups);
			const range = this.uniforms.get(Uint32Array.of(first, last));
			this.dispatch(pipeline, buffers.toSpliced(slice, 0, range), last - first, sink);
		}
	}

	private dispatch(pipeline: Pipeline, buffers: readonly Storage[], workgroups: number, sink: CommandSink): void {
		if (workgroups === 0) return;
		const y = Math.ceil(workgroups / this.maxWorkgroups);
		const x = y > 1 ? Math.ceil(workgroups / y) : workgroups;
		const conflicts = readNextToWritten(pipeline, buffers);
		if (conflicts.length === 0) {
			sink.dispatch(pipeline, buffers, x, y);
			return;
		}
		const copies = new Map(conflicts.map((storage) => [storage, sink.allocate(storage.bytes)]));
		for (const [storage, copy] of copies) sink.copy(storage, copy);
		sink.dispatch(
			pipeline,
			buffers.map((storage) => copies.get(storage) ?? storage),
			x,
			y,
		);
		for (const copy of copies.values()) copy.free();
	}
}

const none: readonly Storage[] = [];

/**
 * The storages of a dispatch that it reads while it writes another part of the same buffer, which WebGPU
 * does not allow.
 */
function readNextToWritten({ declarations: { kinds } }: Pipeline, storages: readonly Storage[]): readonly Storage[] {
	if (storages.every(({ whole }) => whole === undefined)) return none;
	const written = storages.filter((_, i) => kinds[i] === "storage");
	return storages.filter(
		(storage, i) =>
			kinds[i] === "read-only-storage" &&
			written.some((other) => other !== storage && other.whole !== undefined && other.whole === storage.whole),
	);
}

const launchNames = [
	"constants",
	"bindings",
	"uniforms",
	"workgroups",
	"flops",
] as const satisfies readonly (keyof Launch)[];

/** Ranges of the numbers of a launch. They are tested before `checkNumber` is called, because launches are the host's hot path. */
const atLeastZero = { least: 0 };
const wholeAtLeastZero = { least: 0, whole: true };

/** @throws ArgumentError unless these are a kernel and a launch of one @internal */
export function checkLaunch(kernel: Kernel, launch: Launch): void {
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
	if (!Number.isInteger(workgroups) || workgroups < 0) checkNumber(caller, "workgroups", workgroups, wholeAtLeastZero);
	if (!Number.isFinite(flops) || flops < 0) checkNumber(caller, "flops", flops, atLeastZero);
}
