import type { Kernel } from "../gpu/kernel.js";
import { launchSegments } from "../gpu/segments.js";
import type { Pending, Tensor } from "../tensor/tensor.js";

/** A tensor that is the sum of partial sums. */
export interface SplitSum {
	/** float32 [splits, rows, rowLength], of which the first `columns` of each row are used. */
	readonly partial: Tensor;
	readonly columns: number;
	/** float32, rows · columns elements. */
	readonly sum: Tensor;
}

/**
 * Adds up partial sums and disposes of them: at once, or in a captured step when a sum is accessed, so that the sums of several
 * layers can be one launch (`Pending.complete`).
 *
 * @param kernel kernels/sum_splits.wgsl
 * @param sums of one operation, at least one
 */
export function addSplits(kernel: Kernel, sums: readonly SplitSum[]): void {
	const pending = new PendingSums(kernel, sums);
	const bytes = sums.reduce((total, { partial }) => total + 4 * partial.size, 0);
	if (!sums[0].sum.gpu.trace?.mayKeep(bytes)) pending.complete([pending]);
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
	}

	complete(all: readonly Pending[]): void {
		const sums = all.flatMap((pending) => (pending instanceof PendingSums ? pending.sums : []));
		const segments = sums
			.filter(({ sum }) => sum.pending !== null)
			.map(({ partial, columns, sum }) => {
				const [splits, rows, rowLength] = partial.shape;
				const sizes = [splits, rows * rowLength, columns, rowLength];
				return { from: partial.memory(), to: sum.memoryOfPending(), length: sum.size, sizes };
			});
		if (segments.length > 0) launchSegments(this.sums[0].sum.gpu, this.kernel, segments);
		for (const { sum } of sums) sum.pending?.drop(sum);
	}

	drop(sum: Tensor): void {
		sum.pending = null;
		if (--this.remaining > 0) return;
		for (const { partial } of this.sums) partial.dispose();
	}
}
