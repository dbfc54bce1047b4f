import { type AnyTensor, add, backward, type Gpu, mseLoss, type Parameter, type Tensor } from "tessera-gpu";
import { codeUse, FiniteScalarQuantizer, type Quantizer } from "tessera-gpu/quantizers";
import type { VQVAE } from "tessera-gpu/vqvae";
import type { Pictures } from "../shared/frames.js";
import { codeVectors, firstLevel } from "./codes.js";
import { makeModel } from "./make_model.js";
import { toPictures } from "./pictures.js";
import type { Session } from "./session.js";
import type { TrainingRun } from "./training_run.js";

/** Images of the batch that are shown. */
const shown = 8;

/** The stages of the next step, each with its numbers; of the first image of the batch unless they say otherwise. */
export interface SlowStep {
	/** The number of the step, counted from 1. */
	readonly step: number;
	readonly batch: number;
	readonly images: Pictures;
	/** The encoder's output, [D, h, w] */
	readonly latents: Float32Array;
	/** Mean length of the latents of the batch, and of the codes. */
	readonly latentLength: number;
	readonly codeLength: number;
	/** [h, w], of the first level */
	readonly codes: Uint32Array;
	/**
	 * Squared distances of each position's latent to each code, [h · w, K], by which the nearest one is found: of vectors of
	 * length 1 if the similarity is "cosine". Empty for FSQ, which has no codebook.
	 */
	readonly distances: Float32Array;
	readonly distinctCodes: number;
	readonly perplexity: number;
	/** Mean squared distance of the batch's latents to their codes. */
	readonly quantizationError: number;
	readonly commitmentLoss: number;
	readonly vqLoss: number;
	/** Lengths of ∂loss/∂(decoder's input) and of ∂loss/∂(encoder's output), [h, w] each. */
	readonly decoderGradient: Float32Array;
	readonly encoderGradient: Float32Array;
	readonly reconstructions: Pictures;
	readonly nmse: number;
	readonly loss: number;
	/** The norm of each parameter's gradient. */
	readonly gradients: readonly { readonly name: string; readonly norm: number }[];
}

/** Looks into the next training step, without taking it. */
export class SlowMotion {
	constructor(private readonly session: Session) {}

	/** Pauses the training, and computes the next step on a copy of the model. */
	async look(): Promise<SlowStep> {
		const { session } = this;
		await session.pause();
		return session.scheduler.answer(() => {
			const { run } = session;
			return run.hold(() => lookAhead(run));
		});
	}
}

async function lookAhead(run: TrainingRun): Promise<SlowStep> {
	const { gpu, settings, images, info, step } = run;
	const twin = makeModel(gpu, settings, { channels: info.images.channels, variance: images.variance });
	try {
		twin.loadStateDict(run.model.stateDict());
		const { named, gradients } = gpu.scope(() => computeStep(run, twin));
		const tensors = [...Object.values(named), ...gradients.map(({ tensor }) => tensor)];
		const { shape } = named.reconstruction;
		const read = await gpu.readAll(tensors).finally(() => {
			for (const tensor of tensors) tensor.dispose();
		});
		const keys = Object.keys(named);
		const valuesOf = (name: keyof typeof named) => read[keys.indexOf(name)] as Float32Array;
		const numberOf = (name: keyof typeof named) => valuesOf(name)[0] as number;
		const dim = twin.vqLayer.embeddingDim;
		const area = info.grid[0] * info.grid[1];
		const latents = valuesOf("latents");
		const codes = firstLevel(valuesOf("indices") as unknown as Uint32Array, info.levels);
		const counts = new Uint32Array(info.codes);
		for (const code of codes) counts[code] += 1;
		const vectors = valuesOf("vectors");
		const first = latents.slice(0, dim * area);
		const comparable = settings.similarity === "cosine" ? unitLength(first, dim, area) : first;
		const pictures = (name: keyof typeof named) => {
			const count = Math.min(shown, shape[0] as number);
			const values = valuesOf(name);
			return toPictures(values.subarray(0, (values.length / (shape[0] as number)) * count), [count, ...shape.slice(1)]);
		};
		return {
			step: step + 1,
			batch: shape[0] as number,
			images: pictures("batch"),
			latents: first,
			latentLength: mean(lengths(latents, dim, area)),
			codeLength: mean(lengths(vectors, dim, 1)),
			codes: codes.slice(0, area),
			distances:
				twin.vqLayer instanceof FiniteScalarQuantizer ? new Float32Array() : distances(comparable, vectors, dim, area),
			distinctCodes: codeUse(counts).codesInUse,
			perplexity: codeUse(counts).perplexity,
			quantizationError: meanSquare(latents, valuesOf("quantized")) * dim,
			commitmentLoss: numberOf("commitmentLoss"),
			vqLoss: numberOf("vqLoss"),
			decoderGradient: lengths(valuesOf("decoderGradient").subarray(0, dim * area), dim, area),
			encoderGradient: lengths(valuesOf("encoderGradient").subarray(0, dim * area), dim, area),
			reconstructions: pictures("reconstruction"),
			nmse: numberOf("reconLoss"),
			loss: numberOf("loss"),
			gradients: gradients.map(({ name }, i) => ({ name, norm: norm(read[keys.length + i] as Float32Array) })),
		};
	} finally {
		twin.dispose();
	}
}

/** Forward and backward pass of the next step, with what the page shows of them. */
function computeStep(run: TrainingRun, twin: VQVAE<Quantizer>) {
	const { gpu, images } = run;
	const batch = run.nextBatch();
	const { reconstruction, latents, indices, loss, reconLoss, vqLoss, commitmentLoss } = twin.forward(batch);
	backward(loss);
	const gradients = twin
		.namedParameters()
		.flatMap(([name, parameter]) => (parameter.hasGrad ? [{ name, tensor: gpu.clone(parameter.grad) }] : []));
	// Once more from two leaves: what reaches the decoder's input, and what the quantizer passes on to the encoder.
	const quantized = twin.vqLayer.lookup(indices);
	const decoderInput = leafOf(gpu, quantized);
	const encoderOutput = leafOf(gpu, latents);
	const error = (input: Tensor) => mseLoss(twin.decoder.forward(input), batch, { scale: 1 / images.variance });
	backward(error(decoderInput));
	const passed = twin.vqLayer.quantize(encoderOutput);
	backward(add(error(passed.quantized), passed.loss));
	const named = {
		batch,
		latents,
		indices: indices as AnyTensor,
		quantized,
		reconstruction,
		loss,
		reconLoss,
		vqLoss,
		commitmentLoss,
		vectors: codeVectors(twin.vqLayer),
		decoderGradient: gpu.clone(decoderInput.grad),
		encoderGradient: gpu.clone(encoderOutput.grad),
	};
	decoderInput.dispose();
	encoderOutput.dispose();
	return { named, gradients };
}

function leafOf(gpu: Gpu, from: Tensor): Parameter {
	const leaf = gpu.parameter(new Float32Array(from.size), from.shape);
	gpu.copy(from, leaf);
	return leaf;
}

/** The length of the vector at each position. @param values [n, D, area] */
function lengths(values: Float32Array, dim: number, area: number): Float32Array {
	const result = new Float32Array(values.length / dim);
	for (let i = 0; i < result.length; i++) {
		let sum = 0;
		for (let d = 0; d < dim; d++) sum += (values[(Math.floor(i / area) * dim + d) * area + (i % area)] as number) ** 2;
		result[i] = Math.sqrt(sum);
	}
	return result;
}

/** Latents [D, area] scaled to length 1. */
function unitLength(latents: Float32Array, dim: number, area: number): Float32Array {
	const norms = lengths(latents, dim, area);
	return latents.map((value, i) => value / Math.max(norms[i % area] as number, 1e-12));
}

/** Squared distances of latents [D, area] to codes [K, D]: [area, K]. */
function distances(latents: Float32Array, vectors: Float32Array, dim: number, area: number): Float32Array {
	const codes = vectors.length / dim;
	const result = new Float32Array(area * codes);
	for (let position = 0; position < area; position++)
		for (let code = 0; code < codes; code++) {
			let sum = 0;
			for (let d = 0; d < dim; d++)
				sum += ((latents[d * area + position] as number) - (vectors[code * dim + d] as number)) ** 2;
			result[position * codes + code] = sum;
		}
	return result;
}

function mean(values: Float32Array): number {
	return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function meanSquare(a: Float32Array, b: Float32Array): number {
	return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length;
}

function norm(values: Float32Array): number {
	return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
