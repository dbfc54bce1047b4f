import type { ConvolutionTile } from "../../gpu/convolution_tiles.js";
import type { Tensor } from "../../tensor/tensor.js";
import { tilesOf } from "../tiles.js";
import { type ConvolutionPlan, convolutionUniforms, type Epilogue } from "./plan.js";

/** The tiles for a convolution, the preferred one first; none if the device has no tiled kernels. */
export function convolutionTiles(x: Tensor, plan: ConvolutionPlan): readonly ConvolutionTile[] {
	return tilesOf(x.gpu, (kernels) => kernels.convolutionTilesFor(plan));
}

/** kernels/convolution.tiled.wgsl, or convolution_few.tiled.wgsl */
export function launchConvolutionTiled(
	x: Tensor,
	weight: Tensor,
	plan: ConvolutionPlan,
	epilogue: Epilogue,
	tile: ConvolutionTile,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const y = gpu.empty(plan.output);
	const { kernel, uniforms, ...launch } = gpu.tiledKernels.convolutionLaunch(plan, tile, gpu.adapter);
	gpu.launch(kernel, {
		...launch,
		bindings: [x, weight, bias ?? weight, mask ?? weight, y].map((tensor) => tensor.memory()),
		uniforms: { ...convolutionUniforms(plan, epilogue), ...uniforms },
		flops: plan.flops,
	});
	return y;
}
