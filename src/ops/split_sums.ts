import { join } from "../gpu/join.js";
import type { Kernel } from "../gpu/kernel.js";
import type { Storage } from "../gpu/storage.js";
import type { Gpu, Pending, Tensor } from "../tensor/tensor.js";

/** A tensor that is the sum of partial sums. */
export interface SplitSum {
	/** float32 [splits, rows, rowLength], of which the first `columns` of each row are used. */
	readonly partial: Tensor;
	readonly columns: number;
	/** float32, rows · columns elements. */
	readonly sum: Tensor;
}

/** How many bytes of partial sums a captured step keeps at most, so that their sums can be one launch. */
const mostKept = 2 ** 26;
const kept = new WeakMap<Gpu, number>();

/**
 * Adds up partial sums and disposes of them: at once, or in a captured step when a sum is accessed, so that the sums of several
 * layers can be one launch (`Pending.complete`).
 *
 * @param kernel kernels/sum_splits.wgsl
 * @param sums of one operation, at least one
 */
export function addSplits(kernel: Kernel, sums: readonly SplitSum[]): void {
	const pending = new PendingSums(kernel, sums);
	const { gpu } = sums[0].sum;
	if (!gpu.isCapturing || (kept.get(gpu) ?? 0) > mostKept) pending.complete([pending]);
}

class PendingSums implements Pending {
	private remaining: number;

	constructor(
		private readonly kernel: Kernel,
		private readonly sums: readonly SplitSum[],
	) {
		this.remaining = sums.length;
		for (const { partial, sum } of sums) {
			partial.gpu.keep(partial);
			sum.pending = this;
		}
		this.count(1);
	}

	complete(all: readonly Pending[]): void {
		const sums = all.flatMap((pending) => (pending instanceof PendingSums ? pending.sums : []));
		launchSums(this.kernel, sums);
		for (const { sum } of sums) sum.pending?.drop(sum);
	}

	drop(sum: Tensor): void {
		sum.pending = null;
		if (--this.remaining > 0) return;
		this.count(-1);
		for (const { partial } of this.sums) partial.dispose();
	}

	private count(sign: 1 | -1): void {
		for (const { partial } of this.sums) kept.set(partial.gpu, (kept.get(partial.gpu) ?? 0) + sign * 4 * partial.size);
	}
}

/** One launch if the partial sums are in one buffer, and the sums of them that are pending, else one for each. */
function launchSums(kernel: Kernel, sums: readonly SplitSum[]): void {
	const pending = sums.filter(({ sum }) => sum.pending !== null);
	if (pending.length === 0) return;
	const [
		{
			partial: { gpu },
		},
	] = pending;
	const from = pending.map(({ partial }) => partial.memory());
	const to = pending.map(({ sum }) => sum.memoryOfPending());
	const boundFrom = common(from) ?? join(gpu, from);
	const boundTo = common(to) ?? join(gpu, to);
	if (boundFrom === undefined || boundTo === undefined) {
		for (const sum of pending) launchSums(kernel, [sum]);
		return;
	}
	const segments: number[] = [];
	let workgroups = 0;
	for (const [i, { partial, columns, sum }] of pending.entries()) {
		const [splits, rows, rowLength] = partial.shape;
		const start = wordsBefore(from[i], boundFrom);
		segments.push(
			workgroups,
			start,
			splits,
			rows * rowLength,
			columns,
			rowLength,
			wordsBefore(to[i], boundTo),
			sum.size,
		);
		workgroups += Math.ceil(sum.size / 64);
	}
	gpu.launch(kernel, { bindings: [boundFrom, gpu.uniform(Uint32Array.from(segments)), boundTo], workgroups });
}

/** The storage, or the whole of which all are parts. */
function common(storages: readonly Storage[]): Storage | undefined {
	const [{ whole }] = storages;
	return storages.length === 1 ? storages[0] : storages.every((storage) => storage.whole === whole) ? whole : undefined;
}

function wordsBefore(storage: Storage, bound: Storage): number {
	return storage === bound ? 0 : storage.offset / 4;
}
