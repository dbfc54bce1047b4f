import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import type { PairFolders } from "../images/pair_folders.js";
import { toBytes } from "../images/pictures.js";
import { errorOfOutput } from "../metrics/image_error.js";
import { compareImages, type Quality, QualityTally } from "../metrics/quality.js";
import { networkInput } from "./encode_images.js";
import type { ImageBatch } from "./image_stream.js";

/** What an evaluation gives. */
export interface Evaluation {
	readonly all: Quality;
	/** By label; empty without labels. */
	readonly classes: ReadonlyMap<number, Quality>;
}

export interface EvaluateOptions {
	/** The variance of the training images; undefined if it is not known. */
	readonly variance: number | undefined;
	readonly pairs: PairFolders | undefined;
	readonly progress: (done: number) => void;
}

/** A batch that the device computes. */
interface Computing {
	readonly batch: ImageBatch;
	readonly codes: Promise<Uint32Array>;
	readonly output: Promise<Float32Array>;
}

/** Encodes and decodes a stream of images, and measures the reconstructions. */
export async function evaluateStream(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	batches: AsyncIterable<ImageBatch>,
	{ variance, pairs, progress }: EvaluateOptions,
): Promise<Evaluation> {
	const tally = () => new QualityTally(model.vqLayer.levels, model.vqLayer.numEmbeddings, variance);
	const all = tally();
	const classes = new Map<number, QualityTally>();
	let done = 0;
	const measure = async ({ batch, ...results }: Computing) => {
		const { count, channels, height, width, pixels, names, labels } = batch;
		const [codes, output] = [await results.codes, await results.output];
		const bytes = toBytes(output);
		const [size, codesEach] = [pixels.length / count, codes.length / count];
		for (let i = 0; i < count; i++) {
			const part = <T extends Uint8Array | Float32Array>(values: T) => values.subarray(i * size, (i + 1) * size) as T;
			const [original, reconstruction] = [part(pixels), part(bytes)];
			const quality = compareImages(original, reconstruction, { channels, height, width });
			const mse = errorOfOutput(original, part(output));
			const own = codes.subarray(i * codesEach, (i + 1) * codesEach);
			all.add(quality, mse, own);
			if (labels !== undefined) {
				const ofClass = classes.get(labels[i]) ?? tally();
				classes.set(labels[i], ofClass);
				ofClass.add(quality, mse, own);
			}
			const image = { channels, height, width };
			await pairs?.write(names[i], { ...image, pixels: original }, { ...image, pixels: reconstruction });
		}
		done += count;
		progress(done);
	};
	let computing: Computing | undefined;
	for await (const batch of batches) {
		const next = compute(gpu, model, batch);
		if (computing !== undefined) await measure(computing);
		computing = next;
	}
	if (computing !== undefined) await measure(computing);
	const sorted = [...classes].sort(([a], [b]) => a - b);
	return { all: all.result(), classes: new Map(sorted.map(([label, tally]) => [label, tally.result()])) };
}

function compute(gpu: Gpu, model: VQVAE<Quantizer>, batch: ImageBatch): Computing {
	const { codes, output } = gpu.scope(() => {
		const codes = model.encode(networkInput(gpu, batch));
		return { codes, output: model.decode(codes) };
	});
	const computing = { batch, codes: codes.data(), output: output.data() };
	// An error is reported when the batch is measured.
	computing.codes.catch(() => undefined);
	computing.output.catch(() => undefined);
	codes.dispose();
	output.dispose();
	return computing;
}
