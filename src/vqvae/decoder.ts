import { ConvTranspose2d, ReLU } from "../nn/layers.js";
import { Layer, type LayerCost } from "../nn/module.js";
import type { Random } from "../nn/random.js";
import { Sequential } from "../nn/sequential.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** Latents [B, D, h, w] → images [B, C, 4h, 4w]; the last layer is linear. */
export class Decoder extends Layer {
	static override readonly name: string = "Decoder";

	readonly convs: Sequential;

	constructor(gpu: Gpu, random: Random, outChannels = 1, latentDim = 16) {
		super();
		this.convs = new Sequential([
			new ConvTranspose2d(gpu, random, latentDim, 64, 3, { stride: 2, padding: 1, outputPadding: 1 }),
			new ReLU(),
			new ConvTranspose2d(gpu, random, 64, 32, 3, { stride: 2, padding: 1, outputPadding: 1 }),
			new ReLU(),
			new ConvTranspose2d(gpu, random, 32, outChannels, 3, { padding: 1 }),
		]);
	}

	override forward(x: Tensor): Tensor {
		return this.convs.forward(x);
	}

	override cost(input: Shape): LayerCost {
		return this.convs.cost(input);
	}
}
