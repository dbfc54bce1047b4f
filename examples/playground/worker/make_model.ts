import type { Gpu, Tensor } from "tessera-gpu";
import {
	CodebookQuantizer,
	FiniteScalarQuantizer,
	initialiseCodebook,
	type Quantizer,
	ResidualQuantizer,
} from "tessera-gpu/quantizers";
import { VQVAE } from "tessera-gpu/vqvae";
import type { Settings } from "../shared/settings.js";

/** The quantizer that settings describe. */
function makeQuantizer(gpu: Gpu, settings: Settings): Quantizer {
	const { quantizer, codes, dim, beta, decay, deadBelow, similarity, gradient, levels, seed } = settings;
	if (quantizer === "fsq") return new FiniteScalarQuantizer(gpu, levels);
	const common = { embeddingDim: dim, numEmbeddings: codes, commitmentCost: beta };
	const options = { ...common, decay, deadBelow, similarity, gradient, seed };
	if (quantizer === "residual") return new ResidualQuantizer(gpu, { ...options, levels: levels[0] as number });
	return new CodebookQuantizer(gpu, { ...options, learning: quantizer });
}

/** A new model with the settings' quantizer; its codebook is not initialised yet, see `initialise`. */
export function makeModel(
	gpu: Gpu,
	settings: Settings,
	images: { readonly channels: number; readonly variance: number },
): VQVAE<Quantizer> {
	return new VQVAE<Quantizer>(gpu, {
		inChannels: images.channels,
		hiddenChannels: settings.hidden + (settings.hidden % 2),
		quantizer: makeQuantizer(gpu, settings),
		dataVariance: images.variance,
		seed: settings.seed,
	});
}

/** Initialises the codebook from the latents of some images. */
export function initialise({ encoder, vqLayer }: VQVAE<Quantizer>, { init, seed }: Settings, images: Tensor): void {
	vqLayer.gpu.scope(() => {
		const latents = init === "data" || init === "kmeans" ? encoder.forward(images) : undefined;
		if (vqLayer instanceof ResidualQuantizer) vqLayer.initialise(init, latents, { seed });
		else if (vqLayer instanceof CodebookQuantizer) initialiseCodebook(vqLayer, init, latents, { seed });
	});
}

/** What model.safetensors says of the model, as `tessera train` writes it, so that the command line can load the file. */
export function modelMetadata(settings: Settings, variance: number): Record<string, string> {
	const { quantizer, codes, dim, beta, decay, deadBelow, similarity, gradient, levels, init, seed } = settings;
	return {
		format: "pt",
		dataVariance: String(variance),
		commitmentCost: String(beta),
		quantizer: JSON.stringify({
			quantizer,
			codes,
			dim: quantizer === "fsq" ? levels.length : dim,
			beta,
			decay,
			deadBelow,
			similarity,
			gradient,
			levels,
			init,
			seed,
		}),
	};
}
