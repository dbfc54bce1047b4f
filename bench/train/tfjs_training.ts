import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import type { VQVAE } from "tessera-gpu/vqvae";
import { guarded } from "../harness/guard.js";
import { Tfjs } from "../harness/tfjs.js";
import type { OtherNetwork, OtherTraining } from "./other_training.js";
import { digitBatch, readWeights } from "./problem.js";
import { TfjsNetwork } from "./tfjs_network.js";

/** tfjs's networks, starting from the model's weights. */
export async function openTfjsTraining(gpu: Gpu, model: VQVAE, batch?: number): Promise<OtherTraining> {
	const weights = await readWeights(gpu, model);
	const { pixels, dataVariance } = digitBatch(batch);
	const tfjs = await Tfjs.open(gpu);
	const networks = [true, false].map((naive): OtherNetwork => {
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
	return { networks, close: () => tfjs.close() };
}
