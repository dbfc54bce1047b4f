import type { AdapterSpeed, Gpu } from "tessera-gpu";
import { measureSpeed } from "tessera-gpu";

/** What an adapter reached before a row was measured and after it. */
export interface Ceiling {
	/** A loop of fma, in 10⁹ operations a second. */
	readonly ceiling_gflops: readonly [before: number, after: number];
	/** A copy, in 10⁹ bytes a second. */
	readonly copy_gbs: readonly [before: number, after: number];
}

/** How near a row is to what the adapter reaches; null for rows without what it is computed from. */
export interface Roofline extends Ceiling {
	/** gflops over the mean of the ceiling before and after. */
	readonly ceiling_share: number | null;
	/** Bytes a second, over the mean of what a copy reached. */
	readonly bandwidth_share: number | null;
	/** Operations for each byte that any method has to move. */
	readonly intensity: number | null;
	/** What limits a row of this intensity on this adapter, however it is computed: whichever of the two shares is the larger. */
	readonly bound: "compute" | "memory" | null;
}

/** What a row is judged by. */
export interface Work {
	/** 10⁹ operations a second, by the time that the row goes by. */
	readonly gflops: number | null;
	/** Operations of one call and the bytes that any method has to move: inputs and result once. */
	readonly operations?: number;
	readonly bytes?: number;
	/**
	 * 10⁹ bytes a second, by the same time; default: from the three above, unless there are no operations.
	 */
	readonly gbs?: number;
}

export function ceilingAround(before: AdapterSpeed, after: AdapterSpeed): Ceiling {
	return {
		ceiling_gflops: [before.gflops, after.gflops],
		copy_gbs: [before.bandwidth, after.bandwidth],
	};
}

function mean([before, after]: readonly [number, number]): number {
	return (before + after) / 2;
}

/** Places a row under the roofline model (Williams, Waterman and Patterson 2009). */
export function roofline({ gflops, operations, bytes, gbs }: Work, ceiling: Ceiling): Roofline {
	const [compute, copy] = [mean(ceiling.ceiling_gflops), mean(ceiling.copy_gbs)];
	const intensity = operations === undefined || bytes === undefined ? null : operations / bytes;
	const moved = gbs ?? (gflops === null || !intensity ? null : gflops / intensity);
	return {
		...ceiling,
		ceiling_share: gflops === null ? null : gflops / compute,
		bandwidth_share: moved === null ? null : moved / copy,
		intensity,
		bound: intensity === null ? null : intensity * copy < compute ? "memory" : "compute",
	};
}

/** Measures rows one after the other, and the adapter before the first, between them and after the last. */
export class CeilingMeter {
	private constructor(
		private readonly gpu: Gpu,
		private last: AdapterSpeed,
	) {}

	static async start(gpu: Gpu): Promise<CeilingMeter> {
		return new CeilingMeter(gpu, await measureSpeed(gpu));
	}

	/** What the adapter reaches now and reached at the last call. */
	async next(): Promise<Ceiling> {
		const before = this.last;
		this.last = await measureSpeed(this.gpu);
		return ceilingAround(before, this.last);
	}
}
