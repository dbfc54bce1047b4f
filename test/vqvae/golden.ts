import { backward, type Gpu, type HostTensor, loadSafetensors, noGrad } from "tessera-gpu";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import grayBatches from "../golden/gray-28x28/batches.safetensors";
import grayFinal from "../golden/gray-28x28/final.safetensors";
import grayInit from "../golden/gray-28x28/init.safetensors";
import grayMeta from "../golden/gray-28x28/meta.json" with { type: "json" };
import grayStep0 from "../golden/gray-28x28/step0.safetensors";
import residualBatches from "../golden/residual-16x12/batches.safetensors";
import residualFinal from "../golden/residual-16x12/final.safetensors";
import residualInit from "../golden/residual-16x12/init.safetensors";
import residualMeta from "../golden/residual-16x12/meta.json" with { type: "json" };
import residualStep0 from "../golden/residual-16x12/step0.safetensors";
import colourBatches from "../golden/rgb-20x24/batches.safetensors";
import colourFinal from "../golden/rgb-20x24/final.safetensors";
import colourInit from "../golden/rgb-20x24/init.safetensors";
import colourMeta from "../golden/rgb-20x24/meta.json" with { type: "json" };
import colourStep0 from "../golden/rgb-20x24/step0.safetensors";
import { assertClose } from "../support.js";

const models = {
	"gray-28x28": { meta: grayMeta, init: grayInit, batches: grayBatches, step0: grayStep0, final: grayFinal },
	"residual-16x12": {
		meta: residualMeta,
		init: residualInit,
		batches: residualBatches,
		step0: residualStep0,
		final: residualFinal,
	},
	"rgb-20x24": { meta: colourMeta, init: colourInit, batches: colourBatches, step0: colourStep0, final: colourFinal },
};

export type GoldenModel = keyof typeof models;

/** The names of the models that were trained with PyTorch. */
export const goldenModels = Object.keys(models) as GoldenModel[];

/** Defines and starts the suite of a model: each of the devices must agree with PyTorch. */
export function goldenSuite(name: GoldenModel, devices: () => Promise<readonly Gpu[]>): void {
	const files = models[name];
	const onEach = async (body: (gpu: Gpu, variant: string) => Promise<void>) => {
		for (const gpu of await devices()) await body(gpu, gpu.variants[0]);
	};
	const test = suite(`golden ${name}`);
	const { meta } = files;
	const batches = loadSafetensors(files.batches);
	const step0 = loadSafetensors(files.step0);
	const final = loadSafetensors(files.final);
	const value = (dict: Record<string, HostTensor>, key: string) => {
		const tensor = dict[key];
		if (tensor === undefined) throw new Error(`the golden file has no ${key}`);
		return tensor;
	};

	function load(gpu: Gpu) {
		const model = new VQVAE(gpu, {
			inChannels: meta.shape[0],
			embeddingDim: meta.embedding_dim,
			numEmbeddings: meta.num_embeddings,
			commitmentCost: meta.commitment_cost,
			dataVariance: meta.data_variance,
			...("hidden" in meta ? { hiddenChannels: meta.hidden, residualLayers: meta.residual } : {}),
		});
		model.loadStateDict(loadSafetensors(files.init));
		const batch = (i: number) => {
			const { data, shape } = value(batches, `x.${i}`);
			return gpu.tensor(data as Float32Array, shape);
		};
		return { model, batch };
	}

	test("forward values, losses and gradients of the first batch", () =>
		onEach(async (gpu, variant) => {
			const { model, batch } = load(gpu);
			const images = batch(0);
			const output = model.forward(images);
			backward(output.loss);
			const z = noGrad(() => model.encoder.forward(images));
			const indices = await output.indices.data();
			const expected = value(step0, "indices").data;
			assert.is(indices.filter((index, i) => index !== expected[i]).length, 0, `${variant}: code indices differ`);
			const forward = {
				z_e: z,
				z_q: model.vqLayer.lookup(output.indices),
				recon: output.reconstruction,
				loss: output.loss,
				recon_loss: output.reconLoss,
				vq_loss: output.vqLoss,
			};
			for (const [key, tensor] of Object.entries(forward))
				assertClose(await tensor.data(), value(step0, key).data, 1e-5, `${variant}: ${key}`);
			for (const [key, parameter] of model.namedParameters())
				assertClose(
					await parameter.grad.data(),
					value(step0, `grad.${key}`).data,
					1e-4,
					`${variant}: gradient of ${key}`,
				);
			for (const tensor of [images, z, ...Object.values(output)]) tensor.dispose();
			model.dispose();
		}));

	test("losses of all steps and the weights after them", () =>
		onEach(async (gpu, variant) => {
			const { model, batch } = load(gpu);
			const trainer = new Trainer(model, { lr: meta.lr });
			const expected = value(final, "losses").data;
			for (let i = 0; i < meta.steps; i++) {
				const losses = trainer.step(() => batch(i));
				const vqLoss = (1 + meta.commitment_cost) * (await losses.commitmentLoss.item());
				const actual = [await losses.loss.item(), await losses.reconLoss.item(), vqLoss];
				assertClose(actual, expected.slice(3 * i, 3 * i + 3), 1e-5, `${variant}: losses of step ${i}`);
			}
			for (const [key, parameter] of model.namedParameters())
				assertClose(
					await parameter.data(),
					value(final, key).data,
					1e-4,
					`${variant}: ${key} after ${meta.steps} steps`,
				);
			trainer.dispose();
			model.dispose();
		}));

	test.run();
}
