import { type Gpu, imageVariance, type Tensor } from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";

/** The settings of the reference network. */
export const settings = { codes: 128, dimensions: 16, beta: 0.25, learningRate: 1e-3, epsilon: 1e-8 } as const;
export const batchSize = 128;
export const imageSize = 28;

/** A batch of drawn digits, around 0, and the variance by which the loss is divided. */
export function digitBatch(count = batchSize): {
	readonly pixels: Float32Array<ArrayBuffer>;
	readonly dataVariance: number;
} {
	const digits = generateDigits(count, 0);
	return {
		pixels: Float32Array.from(digits.pixels, (value) => value / 255 - 0.5),
		dataVariance: imageVariance(digits),
	};
}

/** The reference network and its trainer, and the batch on the device. */
export interface Training {
	readonly model: VQVAE;
	readonly trainer: Trainer;
	readonly images: Tensor;
}

/** Sets up our training; the weights come from seed 0. */
export function openTraining(gpu: Gpu, batch = batchSize): Training {
	const { pixels, dataVariance } = digitBatch(batch);
	const model = new VQVAE(gpu, {
		inChannels: 1,
		embeddingDim: settings.dimensions,
		numEmbeddings: settings.codes,
		commitmentCost: settings.beta,
		dataVariance,
	});
	const trainer = new Trainer(model, { lr: settings.learningRate, eps: settings.epsilon });
	return { model, trainer, images: gpu.tensor(pixels, [batch, 1, imageSize, imageSize]) };
}

/** Weights by their names in the state dict. */
export type Weights = ReadonlyMap<
	string,
	{ readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> }
>;

/** Reads the model's weights. */
export async function readWeights(gpu: Gpu, model: VQVAE): Promise<Weights> {
	const named = model.namedParameters();
	const values = await gpu.readAll(named.map(([, parameter]) => parameter));
	return new Map(named.map(([name, { shape }], i) => [name, { shape, data: values[i] as Float32Array<ArrayBuffer> }]));
}
