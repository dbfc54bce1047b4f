import { jit, type numpy as np, tree } from "@jax-js/jax";
import type { Gpu } from "tessera-gpu";
import type { VQVAE } from "tessera-gpu/vqvae";
import { guarded } from "../harness/guard.js";
import { Jax } from "../harness/jax.js";
import { initialState, type State, stepOf } from "./jax_step.js";
import type { OtherTraining } from "./other_training.js";
import { batchSize, digitBatch, imageSize, readWeights } from "./problem.js";

/** jax-js's network, starting from the model's weights; the whole step is compiled as one function. */
export async function openJaxTraining(gpu: Gpu, model: VQVAE): Promise<OtherTraining> {
	const weights = await readWeights(gpu, model);
	const { pixels, dataVariance } = digitBatch();
	const jax = await Jax.open(gpu);
	const images = jax.array(pixels, [batchSize, 1, imageSize, imageSize]);
	const compiled = jax.own(jit((state: State, images: np.Array) => stepOf(state, images, dataVariance)));
	const arrays = Array.from(weights, ([name, { shape, data }]) => [name, jax.array(data, shape).ref] as const);
	// A step consumes the state, so there is none after a step that failed.
	let state: State | undefined = initialState(Object.fromEntries(arrays));
	const step = () => {
		if (state === undefined) throw new Error("the step before this one failed");
		const taken = state;
		state = undefined;
		const [next, loss] = compiled(taken, images.ref);
		state = next;
		return loss;
	};
	return {
		networks: [
			{
				contender: jax.contender("jax-js", step),
				loss: () => guarded(gpu, "jax-js", async () => (await step().data())[0] as number),
			},
		],
		close: () => {
			if (state !== undefined) tree.dispose(state);
			jax.close();
		},
	};
}
