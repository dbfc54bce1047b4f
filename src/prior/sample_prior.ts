import { checkInstance, checkOptions } from "../base/arguments.js";
import { checkSampleOptions, type SampleOptions, sampleOptions } from "../ops/codes/sample_codes.js";
import type { Tensor } from "../tensor/tensor.js";
import { GatedPixelCNN } from "./gated_pixel_cnn.js";
import { checkSamplerBatch, PriorSampler, type SamplerBatch } from "./sampler.js";

export interface SamplePriorOptions extends SampleOptions, SamplerBatch {}

/**
 * Draws grids of codes, one position after the other, without reading anything back. The same seed draws the same grids,
 * on their own or with others: what is random for a grid depends on the seed and its number alone.
 *
 * Codes that are kept (`codes` and `keep`) are what later ones see before them; on those that lie after a free position
 * the draw does not depend. `completePrior` takes them into account.
 *
 * @returns uint32 [count, h, w], which `VQVAE.decode` makes images of
 * @throws ArgumentError, ShapeError
 */
export function samplePrior(model: GatedPixelCNN, options: SamplePriorOptions): Tensor<"uint32"> {
	const name = "samplePrior";
	checkInstance(name, "model", model, GatedPixelCNN, "a GatedPixelCNN");
	checkOptions(name, options, ["count", "labels", "firstImage", "codes", "keep", ...sampleOptions]);
	checkSampleOptions(name, options);
	checkSamplerBatch(name, model, options);
	const { gpu, height, width } = model;
	const sampler = new PriorSampler(model, options, options);
	try {
		sampler.draw(0, height * width);
		return gpu.clone(sampler.codes);
	} finally {
		sampler.dispose();
	}
}
