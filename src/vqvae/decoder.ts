import type { Random } from "../base/random.js";
import { Conv2d, ConvTranspose2d } from "../nn/convolutions.js";
import { ReLU } from "../nn/layers.js";
import type { Gpu } from "../tensor/tensor.js";
import { checkNetwork, residualBlocks } from "./residual_block.js";
import { Stack } from "./stack.js";

/**
 * The decoder: latents, float32 [B, D, h, w] → images, float32 [B, C, 4h, 4w]. The last layer is linear.
 *
 * The layers: with residual blocks a 3×3 convolution, the blocks and a ReLU; then three transposed 3×3
 * convolutions with ReLUs in between, of which the first two have stride 2.
 */
export class Decoder extends Stack {
	static override readonly name: string = "Decoder";

	/**
	 * @param latentDim D, the channels of the latents
	 * @param hidden the channels at a quarter of the images' size, even
	 * @param residualLayers the number of residual blocks
	 * @throws ArgumentError if a size is out of range, LimitError if the device cannot hold the weights
	 */
	constructor(gpu: Gpu, random: Random, outChannels = 1, latentDim = 16, hidden = 64, residualLayers = 0) {
		checkNetwork("Decoder", gpu, random, { outChannels, latentDim }, hidden, residualLayers);
		const inner = residualLayers === 0 ? latentDim : hidden;
		const widening =
			residualLayers === 0
				? []
				: [
						new Conv2d(gpu, latentDim, hidden, 3, { padding: 1, random }),
						...residualBlocks(gpu, random, hidden, residualLayers),
						new ReLU(),
					];
		super([
			...widening,
			new ConvTranspose2d(gpu, inner, hidden, 3, { stride: 2, padding: 1, outputPadding: 1, random }),
			new ReLU(),
			new ConvTranspose2d(gpu, hidden, hidden / 2, 3, { stride: 2, padding: 1, outputPadding: 1, random }),
			new ReLU(),
			new ConvTranspose2d(gpu, hidden / 2, outChannels, 3, { padding: 1, random }),
		]);
	}
}
