import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, FormatError } from "../gpu/errors.js";
import { loadSafetensors, loadSafetensorsMetadata } from "../io/safetensors.js";
import { GatedPixelCNN, type GatedPixelCNNOptions } from "../prior/gated_pixel_cnn.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Quantizer } from "../vqvae/quantizer.js";
import type { VQVAE } from "../vqvae/vqvae.js";
import { readFileIfThere } from "./files.js";
import { loadModel } from "./load_model.js";

/** A prior, and of what it is one. */
export interface LoadedPrior {
	readonly model: VQVAE<Quantizer>;
	readonly prior: GatedPixelCNN;
	/** Codes a position; the prior sees them side by side. */
	readonly levels: number;
}

const sizes = ["numEmbeddings", "height", "width", "channels", "layers", "kernelSize", "numClasses"] as const;

/** What tells the weights of a run's model from others: their file's SHA-256. */
export async function modelHash(run: string): Promise<string> {
	return createHash("sha256")
		.update(await readFile(join(run, "model.safetensors")))
		.digest("hex");
}

/**
 * What prior.safetensors says of itself.
 *
 * @param model the `modelHash` of the model that it is a prior of
 */
export function priorMetadata(options: GatedPixelCNNOptions, levels: number, model: string): Record<string, string> {
	const entries = sizes.map((name) => [name, String(options[name] ?? 0)]);
	return { format: "pt", prior: "gated-pixel-cnn", levels: String(levels), model, ...Object.fromEntries(entries) };
}

/**
 * The model and the prior in the folder of a run.
 *
 * @throws DataError where there is no prior yet or the model is another than it was trained for, FormatError where a file
 * is none of `tessera train` and `tessera train-prior`, StateDictError where names or shapes do not fit together.
 */
export async function loadPrior(gpu: Gpu, run: string): Promise<LoadedPrior> {
	const path = join(run, "prior.safetensors");
	const bytes = await readFileIfThere(path);
	if (bytes === undefined) throw new DataError(`${run} has no prior yet: run \`tessera train-prior ${run}\` first.`);
	const metadata = loadSafetensorsMetadata(bytes);
	const [levels, ...values] = ["levels", ...sizes].map((name) => Number(metadata[name]));
	if (metadata.prior !== "gated-pixel-cnn" || ![levels, ...values].every(Number.isInteger))
		throw new FormatError(`${path} is no prior of \`tessera train-prior\`: its metadata does not say its sizes.`);
	const options = Object.fromEntries(sizes.map((name, i) => [name, values[i]]));
	const model = await loadModel(gpu, join(run, "model.safetensors"));
	const prior = new GatedPixelCNN(gpu, options as unknown as GatedPixelCNNOptions);
	prior.loadStateDict(loadSafetensors(bytes));
	const { vqLayer } = model;
	const fits = prior.numEmbeddings === vqLayer.numEmbeddings && levels === vqLayer.levels;
	if (!fits || (metadata.model !== undefined && metadata.model !== (await modelHash(run))))
		throw new DataError(
			`The prior of ${run} was trained for another model than the one there: run \`tessera train-prior ${run}\` again.`,
		);
	return { model, prior, levels: levels as number };
}
