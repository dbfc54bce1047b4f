import type { Random } from "../base/random.js";
import { Conv2d } from "../nn/convolutions.js";
import { ReLU } from "../nn/layers.js";
import type { Gpu } from "../tensor/tensor.js";
import { checkNetwork, residualBlocks } from "./residual_block.js";
import { Stack } from "./stack.js";

/**
 * The encoder: images, float32 [B, C, H, W] → latents, float32 [B, D, H/4, W/4].
 *
 * The layers: two 3×3 convolutions of stride 2 with a ReLU in between, residual blocks, a ReLU and a 1×1
 * convolution.
 */
export class Encoder extends Stack {
	static override readonly name: string = "Encoder";

	/**
	 * @param latentDim D, the channels of the latents
	 * @param hidden the channels at a quarter of the images' size, even
	 * @param residualLayers the number of residual blocks
	 * @throws ArgumentError if a size is out of range, LimitError if the device cannot hold the weights
	 */
	constructor(gpu: Gpu, random: Random, inChannels = 3, latentDim = 16, hidden = 64, residualLayers = 0) {
		checkNetwork("Encoder", gpu, random, { inChannels, latentDim }, hidden, residualLayers);
		super([
			new Conv2d(gpu, inChannels, hidden / 2, 3, { stride: 2, padding: 1, random }),
			new ReLU(),
			new Conv2d(gpu, hidden / 2, hidden, 3, { stride: 2, padding: 1, random }),
			...residualBlocks(gpu, random, hidden, residualLayers),
			new ReLU(),
			new Conv2d(gpu, hidden, latentDim, 1, { random }),
		]);
	}
}
