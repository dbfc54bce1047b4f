import { sizeOf } from "../../base/shape.js";
import type { ProductSizes, Tile } from "../../gpu/tiles.js";
import type { Tensor } from "../../tensor/tensor.js";
import { tilesOf } from "../tiles.js";
import { type ConvolutionPlan, convolutionUniforms, type Epilogue, fewChannels, phasesOf } from "./plan.js";

/** The matrix products that a convolution is: one for each group and phase. */
function productsOf(plan: ConvolutionPlan): ProductSizes {
	const { groups, groupInputs, groupOutputs, kernel } = plan;
	const { phases, phasePixels } = phasesOf(plan);
	return {
		rows: groupOutputs,
		inner: Math.ceil((groupInputs * sizeOf(kernel)) / phases),
		columns: phasePixels,
		products: groups * phases,
	};
}

/** The tiles for a convolution, the preferred one first; none if the portable kernel is better. */
export function convolutionTiles(x: Tensor, plan: ConvolutionPlan): readonly Tile[] {
	return plan.groupOutputs <= fewChannels ? [] : tilesOf(x.gpu, (kernels) => kernels.tilesFor(productsOf(plan)));
}

/** kernels/convolution.tiled.wgsl */
export function launchConvolutionTiled(
	x: Tensor,
	weight: Tensor,
	plan: ConvolutionPlan,
	epilogue: Epilogue,
	tile: Tile,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const { output, groupInputs, steps, weightStrides, flops } = plan;
	const y = gpu.empty(output);
	gpu.launch(gpu.tiledKernels.convolution, {
		constants: { ...tile.constants, SAME_TAP: groupInputs % 4 === 0 ? 1 : 0 },
		bindings: [x, weight, bias ?? weight, mask ?? weight, y].map((tensor) => tensor.memory()),
		uniforms: {
			...convolutionUniforms(plan, epilogue),
			tapPeriodY: period(steps.outStep[0], steps.tapStep[0]),
			tapPeriodX: period(steps.outStep[1], steps.tapStep[1]),
			groupStride: weightStrides.group,
			outputStride: weightStrides.output,
			inputStride: weightStrides.input,
			part: tile.part,
		},
		workgroups: gpu.tiledKernels.tileCount(tile, productsOf(plan)),
		flops,
	});
	return y;
}

/**
 * Of how many taps next to each other one counts for a phase: the least t > 0 for which outStep divides
 * t·tapStep.
 */
function period(outStep: number, tapStep: number): number {
	let taps = 1;
	while ((taps * tapStep) % outStep !== 0) taps++;
	return taps;
}
