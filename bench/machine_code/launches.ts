import { type Constants, type Gpu, type Kernel, type LaunchEvent, TesseraError } from "tessera-gpu";
import { ours, whileListening } from "../harness/ours.js";

/** Launches of a pipeline that are alike. */
export interface LaunchReport {
	readonly kernel: string;
	readonly constants: Constants;
	readonly times: number;
	readonly workgroups: number;
	/** Invocations of a workgroup. */
	readonly workgroupSize: number;
	/** Floating-point operations of one launch; null if the operation does not say. */
	readonly flops: number | null;
}

export interface WorkloadReport {
	readonly name: string;
	readonly dispatches: number;
	/** In the order of their first launches. */
	readonly launches: readonly LaunchReport[];
}

/** What the process of a card reports. */
export interface ChildReport {
	readonly device: string;
	readonly driver: string;
	readonly workloads: readonly WorkloadReport[];
}

/** Why the process of a card reports nothing. */
export interface ChildFailure {
	readonly failure: string;
	readonly noAdapter: boolean;
}

/** Launches an operation. @returns what was launched */
export function launchesOf(gpu: Gpu, operation: () => unknown): LaunchReport[] {
	const launches = new Map<string, LaunchReport>();
	const count = ({ kernel, launch }: LaunchEvent) => {
		const { constants = {}, workgroups, flops = null } = launch;
		const key = JSON.stringify([kernel.name, constants, workgroups, flops]);
		const times = (launches.get(key)?.times ?? 0) + 1;
		const workgroupSize = workgroupSizeOf(kernel, constants);
		launches.set(key, { kernel: kernel.name, constants, times, workgroups, workgroupSize, flops });
	};
	whileListening(gpu, count, ours(gpu, operation).call);
	return [...launches.values()];
}

/**
 * Invocations of a workgroup: the product of the kernel's @workgroup_size, whose dimensions are numbers or
 * constants.
 *
 * @throws TesseraError if a dimension has no value
 */
export function workgroupSizeOf({ name, source }: Kernel, constants: Constants): number {
	const dimensions = /@workgroup_size\(([^)]*)\)/.exec(source)?.[1] ?? "";
	return dimensions
		.split(",")
		.map((text) => text.trim())
		.filter((dimension) => dimension !== "")
		.reduce((product, dimension) => {
			const declared = new RegExp(`(?:override|const) ${dimension}\\b[^=;]*=\\s*(\\w+)`).exec(source)?.[1];
			const value = constants[dimension] ?? Number.parseInt(declared ?? dimension, 10);
			if (Number.isNaN(value))
				throw new TesseraError(`${name}: @workgroup_size(${dimensions}) needs a value for ${dimension}.`);
			return product * value;
		}, 1);
}
