import { Conv2d, ReLU } from "../nn/layers.js";
import { Layer, type LayerCost } from "../nn/module.js";
import type { Random } from "../nn/random.js";
import { Sequential } from "../nn/sequential.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** Images [B, C, H, W] → latents [B, D, H/4, W/4]. */
export class Encoder extends Layer {
	static override readonly name: string = "Encoder";

	readonly convs: Sequential;

	constructor(gpu: Gpu, random: Random, inChannels = 3, latentDim = 16) {
		super();
		this.convs = new Sequential([
			new Conv2d(gpu, random, inChannels, 32, 3, { stride: 2, padding: 1 }),
			new ReLU(),
			new Conv2d(gpu, random, 32, 64, 3, { stride: 2, padding: 1 }),
			new ReLU(),
			new Conv2d(gpu, random, 64, latentDim, 1),
		]);
	}

	override forward(x: Tensor): Tensor {
		return this.convs.forward(x);
	}

	override cost(input: Shape): LayerCost {
		return this.convs.cost(input);
	}
}
