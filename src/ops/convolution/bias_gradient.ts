import { blocksOf } from "../../tensor/layout.js";
import type { Tensor } from "../../tensor/tensor.js";
import { addSplits } from "../split_sums.js";
import { launchSum } from "../sum.js";

/** Pixels that one invocation of the blocked kernel adds up. */
const pixelsPerInvocation = 64;

/** The gradient of a bias [C]: the sum of the output's gradient [N, C, H, W] over all axes but the channels. */
export function launchBiasGradient(dy: Tensor): Tensor {
	const { gpu } = dy;
	const [batch, channels, height, width] = dy.shape;
	const plane = height * width;
	if (dy.layout === "contiguous") return launchSum(dy, { r1: batch, k1: channels, r2: plane }, [channels]);
	const splits = Math.ceil(plane / pixelsPerInvocation);
	return gpu.scope(() => {
		const partial = gpu.empty([blocksOf(batch) * splits, channels, 1]);
		gpu.launch(gpu.blockedKernels.sumChannels, {
			bindings: [dy.memory("blocked"), partial.memory()],
			uniforms: { channels, plane, splits },
			workgroups: Math.ceil(partial.size / 64),
		});
		const sum = gpu.empty([channels]);
		addSplits(gpu.blockedKernels.sumSplits, [{ partial, columns: 1, sum }]);
		return sum;
	});
}
