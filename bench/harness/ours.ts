import type { AnyTensor, Gpu, LaunchEvent, Storage } from "tessera-gpu";
import { spreadOf } from "./statistics.js";
import type { Contender, TimingOptions } from "./timing.js";

/** An operation of this library; its result is freed. */
export function ours(gpu: Gpu, operation: () => unknown): Contender {
	return {
		name: "ours",
		call: () =>
			gpu.scope(() => {
				operation();
			}),
		finish: () => gpu.finish(),
	};
}

/** Median of the milliseconds on the GPU, by timestamps. */
async function medianOnGpu(gpu: Gpu, launch: () => void, { rounds, budget }: TimingOptions): Promise<number> {
	const times: number[] = [];
	const start = performance.now();
	while (times.length === 0 || (times.length < rounds && performance.now() - start < 1000 * budget))
		times.push(await gpu.time(launch));
	return spreadOf(times).median;
}

/** Median of an operation's milliseconds on the GPU, by timestamps; it was called before. */
export function gpuTime(gpu: Gpu, operation: () => unknown, options: TimingOptions): Promise<number> {
	return medianOnGpu(gpu, ours(gpu, operation).call, options);
}

/** One launch of an operation. */
export interface Stage {
	/** The kernel's file. */
	readonly kernel: string;
	/** Median of its time on the GPU. */
	readonly ms: number;
}

/**
 * Each launch of an operation timed alone, in the order of the launches. Their buffers are held until then.
 */
export async function stagesOf(gpu: Gpu, operation: () => unknown, options: TimingOptions): Promise<Stage[]> {
	const launches: LaunchEvent[] = [];
	const collect = (event: LaunchEvent) => {
		for (const storage of event.launch.bindings) storage.retain();
		launches.push(event);
	};
	try {
		whileListening(gpu, collect, ours(gpu, operation).call);
		const stages: Stage[] = [];
		for (const { kernel, launch } of launches)
			stages.push({ kernel: kernel.name, ms: await medianOnGpu(gpu, () => gpu.launch(kernel, launch), options) });
		return stages;
	} finally {
		for (const { launch } of launches) for (const storage of launch.bindings) storage.free();
	}
}

/** Calls `body` with a listener for its launches. */
export function whileListening<T>(gpu: Gpu, listener: (event: LaunchEvent) => void, body: () => T): T {
	const { onLaunch } = gpu;
	gpu.onLaunch = listener;
	try {
		return body();
	} finally {
		gpu.onLaunch = onLaunch;
	}
}

/** What a kernel costs in an operation. */
export interface KernelCost {
	readonly kernel: string;
	readonly launches: number;
	/** Sum of the medians of its launches, each timed alone. */
	readonly ms: number;
}

/** The launches of an operation added up by kernel, the most expensive first. */
export function byKernel(stages: readonly Stage[]): KernelCost[] {
	const costs = new Map<string, KernelCost>();
	for (const { kernel, ms } of stages) {
		const { launches, ms: before } = costs.get(kernel) ?? { launches: 0, ms: 0 };
		costs.set(kernel, { kernel, launches: launches + 1, ms: before + ms });
	}
	return [...costs.values()].sort((a, b) => b.ms - a.ms);
}

/** The memory that an operation allocates besides its result. */
export interface ExtraMemory {
	/** Most bytes allocated at once. */
	readonly peak: number;
	/** Bytes of the largest buffer among them. */
	readonly largest: number;
}

/** Measures the memory at each launch of an operation. */
export function extraMemory(gpu: Gpu, operation: () => AnyTensor, inputs: readonly AnyTensor[]): ExtraMemory {
	const before = gpu.memory().bytes;
	const extra = new Set<Storage>();
	let peak = 0;
	const measure = ({ launch }: LaunchEvent) => {
		for (const storage of launch.bindings) extra.add(storage);
		peak = Math.max(peak, gpu.memory().bytes - before);
	};
	const result = whileListening(gpu, measure, operation);
	for (const tensor of [result, ...inputs]) extra.delete(tensor.memory());
	const kept = gpu.memory().bytes - before;
	result.dispose();
	return { peak: peak - kept, largest: Math.max(0, ...Array.from(extra, ({ bytes }) => bytes)) };
}
