import type { GatedPixelCNNOptions } from "tessera-gpu/prior";

/** How large a prior is and how long it trains. */
export interface PriorPlan {
	readonly sizes: Required<GatedPixelCNNOptions>;
	readonly batch: number;
	readonly steps: number;
	readonly lr: number;
	readonly dropout: number;
	/** Steps between two evaluations on images that are not trained on, and between two copies to the host. */
	readonly evaluateEvery: number;
	/** How many of those images are used. */
	readonly heldOut: number;
}

/** Of the network, for a GPU and for an adapter that computes on the CPU. */
const sizeFor = {
	gpu: { channels: 48, layers: 5, batch: 64, lr: 4e-3, dropout: 0.2, steps: 800, heldOut: 256 },
	cpu: { channels: 24, layers: 3, batch: 16, lr: 1e-2, dropout: 0, steps: 900, heldOut: 128 },
};
/** The codes of the built-in digits with the default settings, for which `steps` is chosen. */
const usual = { positions: 49, codes: 128 };
const fewestSteps = 100;
const smallestBatch = 4;
const evaluations = 10;

/** @param isSlow whether the adapter computes on the CPU */
export function planPrior(
	{ numEmbeddings, height, width, numClasses, seed }: Omit<GatedPixelCNNOptions, "channels" | "layers">,
	images: number,
	isSlow: boolean,
): PriorPlan {
	const { channels, layers, batch, lr, dropout, steps: usualSteps, heldOut } = sizeFor[isSlow ? "cpu" : "gpu"];
	// The multiply-adds of a position: the layers' convolutions, and the logits.
	const work = (codes: number) => channels * channels * 21 * layers + 4 * channels * (channels + codes);
	const ratio = (height * width * work(numEmbeddings)) / (usual.positions * work(usual.codes));
	const affordable = usualSteps / Math.max(1, ratio);
	const steps = Math.max(fewestSteps, Math.round(affordable));
	const smaller = Math.ceil((batch * Math.min(steps, affordable)) / steps);
	return {
		sizes: {
			numEmbeddings,
			height,
			width,
			channels,
			layers,
			kernelSize: 3,
			numClasses: numClasses ?? 0,
			seed: seed ?? 0,
		},
		batch: Math.min(Math.max(smallestBatch, smaller), images),
		steps,
		lr,
		dropout,
		evaluateEvery: Math.ceil(steps / evaluations),
		heldOut,
	};
}
