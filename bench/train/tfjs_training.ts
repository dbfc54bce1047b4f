import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import type { VQVAE } from "tessera-gpu/vqvae";
import { guarded } from "../harness/guard.js";
import { Tfjs } from "../harness/tfjs.js";
import type { Contender } from "../harness/timing.js";
import { digitBatch } from "./problem.js";
import { TfjsNetwork } from "./tfjs_network.js";

/** The network in tfjs in one of its settings for transposed convolutions, with weights of its own. */
export interface TfjsVariant {
	readonly contender: Contender;
	/** Takes a step and gives the loss before it. */
	readonly loss: () => Promise<number>;
}

export interface TfjsTraining {
	readonly variants: readonly TfjsVariant[];
	readonly close: () => void;
}

/** tfjs's networks, starting from the model's weights. */
export async function openTfjsTraining(gpu: Gpu, model: VQVAE): Promise<TfjsTraining> {
	const named = model.namedParameters();
	const values = await gpu.readAll(named.map(([, parameter]) => parameter));
	const weights = new Map(
		named.map(([name, { shape }], i) => [name, { shape, data: values[i] as Float32Array }] as const),
	);
	const { pixels, dataVariance } = digitBatch();
	const tfjs = await Tfjs.open(gpu);
	const variants = [true, false].map((naive): TfjsVariant => {
		const name = naive ? "tfjs naive" : "tfjs matmul";
		const network = new TfjsNetwork(weights, pixels, dataVariance);
		const step = () => {
			tfjs.naiveTransposedConvolution = naive;
			return network.step();
		};
		return {
			contender: tfjs.contender(name, step),
			loss: () =>
				guarded(gpu, name, async () => {
					const loss = tf.tidy(step);
					const [value] = await loss.data();
					loss.dispose();
					return value as number;
				}),
		};
	});
	return { variants, close: () => tfjs.close() };
}
