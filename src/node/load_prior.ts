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

/** What prior.safetensors says of itself. */
export function priorMetadata(options: GatedPixelCNNOptions, levels: number): Record<string, string> {
	const entries = sizes.map((name) => [name, String(options[name] ?? 0)]);
	return { format: "pt", prior: "gated-pixel-cnn", levels: String(levels), ...Object.fromEntries(entries) };
}

/**
 * The model and the prior in the folder of a run.
 *
 * @throws DataError where there is no prior yet, FormatError where a file is none of `tessera train` and `tessera
 * train-prior`, StateDictError where names or shapes do not fit together.
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
	if (prior.numEmbeddings !== model.vqLayer.numEmbeddings || levels !== model.vqLayer.levels)
		throw new DataError(
			`The prior of ${run} was trained for ${prior.numEmbeddings} codes, but the model has ${model.vqLayer.numEmbeddings}: run \`tessera train-prior ${run}\` again.`,
		);
	return { model, prior, levels: levels as number };
}
