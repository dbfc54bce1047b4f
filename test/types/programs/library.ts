// What a program in TypeScript does with the library for browsers. It is compiled against the published types.
import {
	Adam,
	backward,
	Conv2d,
	conv2d,
	type Gpu,
	type MemoryUse,
	mseLoss,
	openDevice,
	relu,
	Sequential,
	ShapeError,
	saveSafetensors,
	summary,
	type Tensor,
} from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import { GatedPixelCNN, PriorTrainer, samplePrior } from "tessera-gpu/prior";
import { CodebookQuantizer, initialiseCodebook } from "tessera-gpu/quantizers";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";

export async function train(pixels: Float32Array): Promise<number> {
	const gpu: Gpu = await openDevice({ announce: false, powerPreference: "low-power" });
	const x = gpu.tensor(pixels, [128, 1, 28, 28]);
	const w = gpu.parameter(new Float32Array(32 * 9), [32, 1, 3, 3]);
	const target: Tensor = gpu.empty([128, 32, 14, 14]);
	const adam = new Adam([w], { lr: 1e-3 });
	const step = gpu.capture(() => {
		const loss = mseLoss(relu(conv2d(x, w, { stride: 2, padding: 1 })), target);
		adam.zeroGrad();
		backward(loss);
		adam.step();
		return { loss };
	});
	step.replay();
	const gradient: Float32Array = await w.grad.data();
	const memory: MemoryUse = gpu.memory();
	return gradient.length + memory.bytes + (await step.result.loss.item());
}

export async function model(gpu: Gpu): Promise<Uint8Array> {
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 16, numEmbeddings: 128, learning: "ema" });
	const model = new VQVAE(gpu, { inChannels: 1, quantizer });
	const trainer = new Trainer(model, { lr: 1e-3 });
	const digits = generateDigits(4, 0);
	const images = gpu.tensor(Float32Array.from(digits.pixels), [4, 1, 28, 28]);
	gpu.scope(() => initialiseCodebook(quantizer, "kmeans", model.encoder.forward(images)));
	trainer.step(images);
	const codes: Tensor<"uint32"> = model.encode(images);
	const prior = new GatedPixelCNN(gpu, { numEmbeddings: 128, height: 7, width: 7 });
	new PriorTrainer(prior, { steps: 10 }).step({ codes });
	const drawn: Uint32Array = await samplePrior(prior, { count: 2 }).data();
	const table: string = summary(new Sequential([new Conv2d(gpu, 1, 2, 3, { random: 0 })]), [1, 1, 8, drawn.length]);
	return saveSafetensors(model.stateDict(), { table });
}

export function isShape(error: unknown): error is ShapeError {
	return error instanceof ShapeError;
}

export function internals(gpu: Gpu, tensor: Tensor): unknown[] {
	return [
		// @ts-expect-error what the library alone uses is not among the types
		gpu.runEagerly,
		// @ts-expect-error
		gpu.gradientLog,
		// @ts-expect-error
		gpu.lanesOf,
		// @ts-expect-error
		tensor.writableStorage,
	];
}
