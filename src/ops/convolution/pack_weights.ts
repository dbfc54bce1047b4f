import type { Trace } from "../../gpu/capture/trace.js";
import { launchSegments, type Segment } from "../../gpu/segments.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
import type { ConvolutionPlan } from "./plan.js";

export interface PackedLayout {
	/** Output channels that are next to each other. */
	readonly width: number;
	/** The input channels are filled up to a multiple of this. */
	readonly inputMultiple: number;
	/** Whether each tap of an output channel is an output channel of its own (default false). */
	readonly tapsAsOutputs?: boolean;
}

/** The packs at the start of each captured step. */
const packsAtStart = new WeakMap<Trace, Segment[]>();

/**
 * The weights as the kernels of a convolution read them, [groups, blocks, taps, inputs, width]; see
 * kernels/pack_weights.wgsl. In a captured step that has not changed them before, they are packed at the
 * start, with those of its other convolutions.
 */
export function launchPackWeights(
	weight: Tensor,
	{ groups, groupInputs, groupOutputs, weight: shape, weightStrides }: ConvolutionPlan,
	{ width, inputMultiple, tapsAsOutputs = false }: PackedLayout,
): Tensor {
	const { gpu } = weight;
	const allTaps = shape[2] * shape[3];
	const parts = tapsAsOutputs ? allTaps : 1;
	const taps = allTaps / parts;
	const outputs = groupOutputs * parts;
	const paddedInputs = Math.ceil(groupInputs / inputMultiple) * inputMultiple;
	const packed = gpu.empty([groups, Math.ceil(outputs / width), taps, paddedInputs, width]);
	const { group, output, input } = weightStrides;
	const sizes = [groupInputs, outputs, taps, group, output, input, width, paddedInputs, parts];
	const segment = { from: weight.memory(), to: packed.memory(), length: packed.size, sizes };
	const { trace } = gpu;
	if (trace?.isUnchanged(segment.from) && trace.keep(segment.to.bytes)) packedAtStart(gpu, trace).push(segment);
	else launchSegments(gpu, gpu.portableKernels.packWeights, [segment]);
	return packed;
}

/** What is packed at the start of a step. */
function packedAtStart(gpu: Gpu, trace: Trace): Segment[] {
	const known = packsAtStart.get(trace);
	if (known !== undefined) return known;
	const segments: Segment[] = [];
	packsAtStart.set(trace, segments);
	trace.launchAtStart(() => {
		const bufferOf = ({ from }: Segment) => from.whole ?? from;
		for (const buffer of new Set(segments.map(bufferOf)))
			launchSegments(
				gpu,
				gpu.portableKernels.packWeights,
				segments.filter((segment) => bufferOf(segment) === buffer),
			);
	});
	return segments;
}
