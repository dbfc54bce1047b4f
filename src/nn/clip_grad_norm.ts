import factorKernel from "../../kernels/clip_factor.wgsl";
import scaleKernel from "../../kernels/scale_segments.wgsl";
import squaresKernel from "../../kernels/squared_sums.wgsl";
import { checkArray, checkNumber, wrongArgument } from "../base/arguments.js";
import type { Kernel } from "../gpu/kernel.js";
import { launchSegments, type Segment, type SegmentsLaunch } from "../gpu/segments.js";
import { commonGpu } from "../ops/check.js";
import { checkParameter } from "../tensor/check_tensor.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { byBuffer, joinGradients } from "./together.js";

/** Elements whose squares an invocation adds up. */
const rounds = 16;

/**
 * Multiplies all gradients by maxNorm / norm if their norm is larger than maxNorm, as torch.nn.utils.clip_grad_norm_. The norm is
 * that of all gradients as one vector. Nothing is read back: it works in a captured step.
 *
 * @param parameters those without a gradient are left out
 * @returns float32, a scalar: the norm before. It is NaN if a gradient has a NaN, and then all gradients become NaN
 * @throws ArgumentError, DeviceMismatchError
 * @example
 * backward(loss);
 * clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm(parameters: readonly Parameter[], maxNorm: number): Tensor {
	const name = "clipGradNorm";
	checkArray(name, "parameters", parameters, "an array of parameters", "write clipGradNorm(model.parameters(), 1)");
	for (const [i, parameter] of parameters.entries()) checkParameter(name, `parameters[${i}]`, parameter);
	const [first, ...others] = parameters;
	if (first === undefined) throw wrongArgument(name, "parameters", "an array of at least one parameter", parameters);
	const gpu = commonGpu(name, first, ...others);
	checkNumber(name, "maxNorm", maxNorm, { least: 0 });
	const withGradient = [...new Set(parameters)].filter(({ hasGrad, size }) => hasGrad && size > 0);
	return gpu.scope(() => {
		if (withGradient.length === 0) return gpu.zeros([]);
		const groups = byBuffer(withGradient);
		for (const group of groups) joinGradients(group);
		const partials = ({ size }: Tensor) => Math.ceil(size / (64 * rounds));
		const partial = gpu.empty([withGradient.reduce((sum, parameter) => sum + partials(parameter), 0)]);
		let firstPartial = 0;
		for (const group of groups) {
			const segments = group.map((parameter) => {
				const sizes = [firstPartial];
				firstPartial += partials(parameter);
				return { from: parameter.grad.memory(), to: partial.memory(), length: parameter.size, sizes };
			});
			launch(gpu, squaresKernel, segments, { rounds });
		}
		const [norm, factor] = [gpu.empty([]), gpu.empty([])];
		gpu.launch(factorKernel, {
			bindings: [partial.memory(), norm.memory(), factor.memory()],
			uniforms: { maxNorm },
			workgroups: 1,
		});
		for (const group of groups) {
			const clipped = group.map(({ shape }) => gpu.empty(shape));
			const segments = group.map((parameter, i) => ({
				from: parameter.grad.memory(),
				to: clipped[i].memory(),
				length: parameter.size,
				sizes: [],
			}));
			launch(gpu, scaleKernel, segments, { bindings: [factor.memory()] });
			for (const [i, parameter] of group.entries()) parameter.setGrad(clipped[i]);
		}
		return norm;
	});
}

/** One by one outside of captured steps, where gradients would be copied to be in one buffer. */
function launch(gpu: Gpu, kernel: Kernel, segments: readonly Segment[], more: SegmentsLaunch): void {
	if (gpu.trace !== undefined) launchSegments(gpu, kernel, segments, more);
	else for (const segment of segments) launchSegments(gpu, kernel, [segment], more);
}
