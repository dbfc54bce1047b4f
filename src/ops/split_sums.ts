import type { Kernel } from "../gpu/kernel.js";
import { launchSegments, type Segment } from "../gpu/segments.js";
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
 * Adds up partial sums: at once, or in a captured step when a sum is accessed, so that the sums of several
 * layers can be one launch (`Pending.complete`). The partial sums are then kept until that, although their
 * scope has ended.
 *
 * @param kernel kernels/sum_splits.wgsl
 * @param sums of one operation, at least one
 */
export function addSplits(kernel: Kernel, sums: readonly SplitSum[]): void {
	const { gpu } = sums[0].sum;
	const { trace } = gpu;
	if (!trace?.keep(sums.reduce((bytes, { partial }) => bytes + 4 * partial.size, 0))) {
		launchSegments(gpu, kernel, sums.map(segmentOf));
		return;
	}
	const pending = new PendingSums(kernel, sums);
	for (const { partial, sum } of sums) {
		gpu.keep(partial);
		sum.pending = pending;
	}
}

function segmentOf({ partial, columns, sum }: SplitSum): Segment {
	const [splits, rows, rowLength] = partial.shape;
	const sizes = [splits, rows * rowLength, columns, rowLength];
	return { from: partial.memory(), to: sum.memoryOfPending(), length: sum.size, sizes };
}

class PendingSums implements Pending {
	private remaining: number;

	constructor(
		private readonly kernel: Kernel,
		private readonly sums: readonly SplitSum[],
	) {
		this.remaining = sums.length;
	}

	complete(all: readonly Pending[]): void {
		const pending = all.flatMap((each) => (each instanceof PendingSums ? each.sums : []));
		const segments = pending.filter(({ sum }) => sum.pending !== null).map(segmentOf);
		if (segments.length > 0) launchSegments(this.sums[0].sum.gpu, this.kernel, segments);
		for (const { sum } of pending) sum.pending?.drop(sum);
	}

	drop(sum: Tensor): void {
		sum.pending = null;
		if (--this.remaining > 0) return;
		for (const { partial } of this.sums) partial.dispose();
	}
}
