import type { Random } from "../base/random.js";
import { Conv2d } from "../nn/convolutions.js";
import { ReLU } from "../nn/layers.js";
import type { Gpu } from "../tensor/tensor.js";
import { checkNetwork, residualBlocks } from "./residual_block.js";
import { Stack } from "./stack.js";

/** Images [B, C, H, W] → latents [B, D, H/4, W/4]. */
export class Encoder extends Stack {
	static override readonly name: string = "Encoder";

	constructor(gpu: Gpu, random: Random, inChannels = 3, latentDim = 16, hidden = 64, residualLayers = 0) {
		checkNetwork("Encoder", gpu, random, { inChannels, latentDim }, hidden, residualLayers);
		super([
			new Conv2d(gpu, random, inChannels, hidden / 2, 3, { stride: 2, padding: 1 }),
			new ReLU(),
			new Conv2d(gpu, random, hidden / 2, hidden, 3, { stride: 2, padding: 1 }),
			...residualBlocks(gpu, random, hidden, residualLayers),
			new ReLU(),
			new Conv2d(gpu, random, hidden, latentDim, 1),
		]);
	}
}
