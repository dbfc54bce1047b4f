import type { Device } from "./device.js";
import { join } from "./join.js";
import type { Kernel, UniformValues } from "./kernel.js";
import type { Storage } from "./storage.js";

/** What a launch computes of one storage from another one. */
export interface Segment {
	readonly from: Storage;
	readonly to: Storage;
	/** How many elements it computes. */
	readonly length: number;
	/** What else the kernel needs to know. */
	readonly sizes: readonly number[];
}

/** Elements that an invocation computes on an adapter that computes on the CPU. */
const softwareRounds = 16;

/** What a launch of segments has besides them. */
export interface SegmentsLaunch {
	/** Elements that an invocation computes (default: 1, on an adapter that computes on the CPU 16). */
	readonly rounds?: number;
	/** The bindings after the three common ones. */
	readonly bindings?: readonly Storage[];
	readonly uniforms?: UniformValues;
}

/**
 * Launches a kernel with the bindings `from`, a table and `to`. The table has a row for each segment: its
 * first workgroup, with which elements it starts in `from` and in `to`, its length, its sizes. An
 * invocation computes ROUNDS elements. One launch if all `from` are in one buffer or can be joined, and all
 * `to` are or can, else one for each segment.
 */
export function launchSegments(
	device: Device,
	kernel: Kernel,
	segments: readonly Segment[],
	launch: SegmentsLaunch = {},
): void {
	const from = common(
		device,
		segments.map((segment) => segment.from),
	);
	const to = common(
		device,
		segments.map((segment) => segment.to),
	);
	if (from === undefined || to === undefined) {
		for (const segment of segments) launchSegments(device, kernel, [segment], launch);
		return;
	}
	const { rounds = device.adapter.software ? softwareRounds : 1, bindings = [], uniforms } = launch;
	const rows: number[] = [];
	let workgroups = 0;
	for (const { from: x, to: y, length, sizes } of segments) {
		rows.push(workgroups, (x.offset - from.offset) / 4, (y.offset - to.offset) / 4, length, ...sizes);
		workgroups += Math.ceil(length / (64 * rounds));
	}
	device.launch(kernel, {
		constants: { ROUNDS: rounds },
		bindings: [from, device.uniform(Uint32Array.from(rows)), to, ...bindings],
		...(uniforms && { uniforms }),
		workgroups,
	});
}

/** The storage if there is one, or the one of which all are parts. */
function common(device: Device, storages: readonly Storage[]): Storage | undefined {
	const [first, ...others] = storages;
	if (others.every((storage) => storage === first)) return first;
	return others.every(({ whole }) => whole === first.whole) ? (first.whole ?? join(device, storages)) : undefined;
}
