import { checkInstance, checkOptions } from "../base/arguments.js";
import { checkSampleOptions, type SampleOptions, sampleOptions } from "../ops/codes/sample_codes.js";
import type { Tensor } from "../tensor/tensor.js";
import { GatedPixelCNN } from "./gated_pixel_cnn.js";
import { checkSamplerBatch, PriorSampler, type SamplerBatch } from "./sampler.js";

export interface SamplePriorOptions extends SampleOptions, SamplerBatch {}

/**
 * Samples grids of codes, one position after the other, without reading anything back. A grid's random
 * numbers depend only on the seed and on its number (`firstImage` + its position in the batch), not on the
 * other grids.
 *
 * With `codes` and `keep`, kept codes condition the positions after them, not those before them;
 * `completePrior` conditions on both.
 *
 * @returns uint32 [count, h, w], for `VQVAE.decode`
 * @throws ArgumentError if an option is out of range, ShapeError if labels, codes or keep have the wrong
 * length
 * @example
 * const codes = samplePrior(prior, { count: 10, labels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], temperature: 0.9 });
 * const images = model.decode(codes); // float32 [10, 1, 28, 28]
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
