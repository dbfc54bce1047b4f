import { createHash } from "node:crypto";
import { join } from "node:path";
import { DataError, FormatError } from "../../base/errors.js";
import { GatedPixelCNN, type GatedPixelCNNOptions } from "../../prior/gated_pixel_cnn.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { readFileIfThere, readRegularFile } from "../files.js";
import { checkFileIsFinite } from "./finite_weights.js";
import { modelFile } from "./inputs.js";
import { loadModel } from "./load_model.js";
import {
	checkAgrees,
	countParts,
	inFile,
	parseSafetensors,
	type SafetensorsFile,
	shapeOf,
} from "./safetensors_file.js";

/** A prior and the model whose codes it was trained on. */
export interface LoadedPrior {
	readonly model: VQVAE<Quantizer>;
	readonly prior: GatedPixelCNN;
	/** Codes per position; see `CodeGrid`. */
	readonly levels: number;
}

const priorName = "prior.safetensors";

const sizes = ["numEmbeddings", "height", "width", "channels", "layers", "kernelSize", "numClasses"] as const;

/** Identifies the weights of a run's model: the SHA-256 of their file. */
export async function modelHash(run: string): Promise<string> {
	return createHash("sha256")
		.update(await readRegularFile(join(run, "model.safetensors")))
		.digest("hex");
}

/**
 * The metadata of prior.safetensors.
 *
 * @param model the `modelHash` of the model whose codes the prior was trained on
 */
export function priorMetadata(options: GatedPixelCNNOptions, levels: number, model: string): Record<string, string> {
	const entries = sizes.map((name) => [name, String(options[name] ?? 0)]);
	return { format: "pt", prior: "gated-pixel-cnn", levels: String(levels), model, ...Object.fromEntries(entries) };
}

/**
 * The bytes of a run's prior.
 *
 * @throws DataError if there is no such folder, or no model or no prior in it
 */
export async function checkHasPrior(run: string): Promise<Uint8Array> {
	await modelFile(run);
	const bytes = await readFileIfThere(join(run, priorName));
	if (bytes === undefined) throw new DataError(`"${run}" has no prior yet: run \`tessera train-prior ${run}\` first.`);
	return bytes;
}

/**
 * The model and the prior in the folder of a run.
 *
 * @throws DataError if there is no such folder, no model or no prior in it, or the prior was trained for another model;
 * FormatError if a file was not written by `tessera train` or `tessera train-prior`, has weights that are not finite, or has
 * metadata that differ from the weights; StateDictError if names or shapes do not match
 */
export async function loadPrior(gpu: Gpu, run: string): Promise<LoadedPrior> {
	const path = join(run, priorName);
	const file = parseSafetensors(path, await checkHasPrior(run));
	const options = inFile(path, () => priorSizes(file));
	checkFileIsFinite(path, file.tensors);
	const levels = Number(file.metadata.levels);
	if (!Number.isInteger(levels))
		throw new FormatError(`"${path}": its metadata has no number of levels: train the prior again.`);
	const model = await loadModel(gpu, join(run, "model.safetensors"));
	const prior = inFile(path, () => {
		const made = new GatedPixelCNN(gpu, options);
		made.loadStateDict(file.tensors);
		return made;
	});
	const { vqLayer } = model;
	const { metadata } = file;
	const fits = prior.numEmbeddings === vqLayer.numEmbeddings && levels === vqLayer.levels;
	if (!fits || (metadata.model !== undefined && metadata.model !== (await modelHash(run))))
		throw new DataError(
			`The prior of "${run}" was trained for another model than the one in this folder: run \`tessera train-prior ${run}\` again.`,
		);
	return { model, prior, levels };
}

/** The sizes of a prior's weights, which must be those that its metadata says. */
function priorSizes(file: SafetensorsFile): GatedPixelCNNOptions {
	const { path, metadata, tensors } = file;
	if (metadata.prior !== "gated-pixel-cnn")
		throw new FormatError(
			`"${path}" was not written by \`tessera train-prior\`: its metadata does not name the prior "gated-pixel-cnn".`,
		);
	const [numEmbeddings, channels] = shapeOf(file, "embedding.weight", [undefined, undefined]);
	const [, height, width] = shapeOf(file, "position", [channels, undefined, undefined]);
	const convolution = (layer: number) => `layers.${layer}.vertical_conv.weight`;
	const layers = countParts(file, convolution);
	const [, , , kernelSize] = shapeOf(file, convolution(0), [2 * channels, channels, undefined, undefined]);
	for (let layer = 0; layer < layers; layer++) {
		const rows = Math.floor(kernelSize / 2) + (layer === 0 ? 0 : 1);
		shapeOf(file, convolution(layer), [2 * channels, channels, rows, kernelSize]);
	}
	const classes = "layers.0.horizontal_classes";
	const [numClasses] = tensors[classes] === undefined ? [0] : shapeOf(file, classes, [undefined, 2 * channels]);
	const found = { numEmbeddings, height, width, channels, layers, kernelSize, numClasses };
	for (const name of sizes) checkAgrees(name, Number(metadata[name]), found[name]);
	return found;
}
