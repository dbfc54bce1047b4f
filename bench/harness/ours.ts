import type { AnyTensor, Gpu, Kernel, Launch } from "tessera-gpu";
import type { Contender, ContestOptions } from "./contest.js";
import { spreadOf } from "./statistics.js";

/** An operation of this library; what it returns is given back at once. */
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
async function medianOnGpu(gpu: Gpu, launch: () => void, { rounds, budget }: ContestOptions): Promise<number> {
	const times: number[] = [];
	const start = performance.now();
	while (times.length === 0 || (times.length < rounds && performance.now() - start < 1000 * budget))
		times.push(await gpu.time(launch));
	return spreadOf(times).median;
}

/** Median of an operation's milliseconds on the GPU, by timestamps; it was called before. */
export function gpuTime(gpu: Gpu, operation: () => unknown, options: ContestOptions): Promise<number> {
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
export async function stagesOf(gpu: Gpu, operation: () => unknown, options: ContestOptions): Promise<Stage[]> {
	const launches: [Kernel, Launch][] = [];
	const run = gpu.launch.bind(gpu);
	gpu.launch = (kernel, launch) => {
		for (const storage of launch.bindings) storage.retain();
		launches.push([kernel, launch]);
		run(kernel, launch);
	};
	try {
		ours(gpu, operation).call();
		gpu.launch = run;
		const stages: Stage[] = [];
		for (const [kernel, launch] of launches)
			stages.push({ kernel: kernel.name, ms: await medianOnGpu(gpu, () => run(kernel, launch), options) });
		return stages;
	} finally {
		gpu.launch = run;
		for (const [, { bindings }] of launches) for (const storage of bindings) storage.free();
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

/** What an operation takes from the device beside its inputs and its result. */
export interface ExtraMemory {
	/** Most bytes alive at once, as allocated. */
	readonly peak: number;
	/** Bytes of the largest buffer among them. */
	readonly largest: number;
}

/** Watches the buffers that an operation takes. */
export function extraMemory(gpu: Gpu, operation: () => AnyTensor): ExtraMemory {
	const before = gpu.memory().bytes;
	const taken: number[] = [];
	let peak = 0;
	const allocate = gpu.allocate.bind(gpu);
	gpu.allocate = (bytes) => {
		const storage = allocate(bytes);
		taken.push(bytes);
		peak = Math.max(peak, gpu.memory().bytes - before);
		return storage;
	};
	try {
		const result = operation();
		// The result itself is no extra, whichever of the buffers it is.
		const own = taken.indexOf(4 * result.size);
		if (own >= 0) taken.splice(own, 1);
		const kept = gpu.memory().bytes - before;
		result.dispose();
		return { peak: peak - kept, largest: Math.max(0, ...taken) };
	} finally {
		gpu.allocate = allocate;
	}
}
