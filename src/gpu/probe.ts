import copyKernel from "../../kernels/probe_copy.wgsl";
import fmaKernel from "../../kernels/probe_fma.wgsl";
import { checkInstance } from "../base/arguments.js";
import { Device } from "./device.js";

/** The measured speed of an adapter. */
export interface AdapterSpeed {
	/** Multiply-adds in registers, two operations each, in 10⁹ per second. */
	readonly gflops: number;
	/** Bytes read and written by a copy, in 10⁹ per second. */
	readonly bandwidth: number;
}

const runs = 5;

/** Measures the adapter's speed with two kernels; takes about a second. */
export async function measureSpeed(device: Device): Promise<AdapterSpeed> {
	checkInstance("measureSpeed", "device", device, Device, "a device, as of openDevice()");
	const invocations = device.adapter.software ? 2 ** 10 : 2 ** 20;
	const rounds = device.adapter.software ? 2 ** 13 : 2 ** 10;
	const out = device.allocate(4 * invocations);
	const fmaTime = await best(device, () =>
		device.launch(fmaKernel, { constants: { ROUNDS: rounds }, bindings: [out], workgroups: invocations / 64 }),
	);
	out.free();

	const bytes = device.adapter.software ? 2 ** 25 : 2 ** 27;
	const from = device.allocate(bytes);
	const to = device.allocate(bytes);
	const copyTime = await best(device, () =>
		device.launch(copyKernel, { bindings: [from, to], workgroups: bytes / 16 / 256 }),
	);
	from.free();
	to.free();
	return { gflops: (invocations * rounds * 128) / fmaTime / 1e6, bandwidth: (2 * bytes) / copyTime / 1e6 };
}

/** Milliseconds of the fastest of several runs, after a first one that compiles. */
async function best(device: Device, launch: () => void): Promise<number> {
	await device.time(launch);
	let least = Number.POSITIVE_INFINITY;
	for (let run = 0; run < runs; run++) least = Math.min(least, await device.time(launch));
	return least;
}
