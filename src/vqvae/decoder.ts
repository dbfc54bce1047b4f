import type { Random } from "../base/random.js";
import { Conv2d, ConvTranspose2d } from "../nn/convolutions.js";
import { ReLU } from "../nn/layers.js";
import type { Gpu } from "../tensor/tensor.js";
import { checkNetwork, residualBlocks } from "./residual_block.js";
import { Stack } from "./stack.js";

/** Latents [B, D, h, w] → images [B, C, 4h, 4w]; the last layer is linear. */
export class Decoder extends Stack {
	static override readonly name: string = "Decoder";

	constructor(gpu: Gpu, random: Random, outChannels = 1, latentDim = 16, hidden = 64, residualLayers = 0) {
		checkNetwork("Decoder", gpu, random, { outChannels, latentDim }, hidden, residualLayers);
		const inner = residualLayers === 0 ? latentDim : hidden;
		const widening =
			residualLayers === 0
				? []
				: [
						new Conv2d(gpu, random, latentDim, hidden, 3, { padding: 1 }),
						...residualBlocks(gpu, random, hidden, residualLayers),
						new ReLU(),
					];
		super([
			...widening,
			new ConvTranspose2d(gpu, random, inner, hidden, 3, { stride: 2, padding: 1, outputPadding: 1 }),
			new ReLU(),
			new ConvTranspose2d(gpu, random, hidden, hidden / 2, 3, { stride: 2, padding: 1, outputPadding: 1 }),
			new ReLU(),
			new ConvTranspose2d(gpu, random, hidden / 2, outChannels, 3, { padding: 1 }),
		]);
	}
}
