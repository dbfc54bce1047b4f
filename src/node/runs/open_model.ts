import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { DataError, FormatError } from "../../base/errors.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { readFileIfThere, readRegularFile } from "../files.js";
import type { Preparation } from "../images/prepare_image.js";
import { defaultBackground } from "./data_options.js";
import { modelFile } from "./inputs.js";
import { loadModel } from "./load_model.js";
import { preparationOf, type RunConfig, readRunConfig } from "./run_config.js";
import { parseSafetensors } from "./safetensors_file.js";

/** A model's file, and what is known of the run that it belongs to. */
export interface ModelFile {
	/** As it was given. */
	readonly path: string;
	readonly file: string;
	/** The folder of the file. */
	readonly folder: string;
	/** undefined for a file that is not in the folder of a run. */
	readonly config: RunConfig | undefined;
}

/**
 * Finds a model, given as the folder of a run or as its file.
 *
 * @throws DataError if there is none
 */
export async function findModel(path: string): Promise<ModelFile> {
	const file = await modelFile(path);
	const folder = dirname(file);
	if ((await readFileIfThere(join(folder, "config.json"))) === undefined)
		return { path, file, folder, config: undefined };
	const config = await readRunConfig(folder).catch((error: unknown) => {
		// A file of weights may be next to a config.json of something else.
		if (error instanceof DataError && file === path) return undefined;
		throw error;
	});
	return { path, file, folder, config };
}

/** A model, how images are prepared for it, and what identifies it. */
export interface OpenedModel {
	readonly model: VQVAE<Quantizer>;
	readonly preparation: Preparation;
	/** See `codebookChecksum`. */
	readonly codebook: string;
	/** The SHA-256 of the model's file. */
	readonly hash: string;
}

/**
 * Loads a model.
 *
 * @param size that is given instead of the run's
 * @throws as `loadModel`
 */
export async function openModel(gpu: Gpu, { file, config }: ModelFile, size?: number): Promise<OpenedModel> {
	const model = await loadModel(gpu, file);
	const channels = model.inChannels;
	if (channels !== 1 && channels !== 3)
		throw new FormatError(`"${file}": its model takes images of ${channels} channels, but images have 1 or 3.`);
	const bytes = await readRegularFile(file);
	const preparation = config === undefined ? { size: undefined, background: defaultBackground } : preparationOf(config);
	return {
		model,
		preparation: { ...preparation, channels, size: size ?? preparation.size },
		codebook: codebookChecksum(file, bytes),
		hash: createHash("sha256").update(bytes).digest("hex"),
	};
}

/**
 * Identifies what the codes of a model stand for: the SHA-256 of the bytes of its codebooks' tensors, `vq_layer…embeddings.weight`,
 * in the order of their names. A finite scalar quantizer has none: that of the JSON text of its levels.
 */
export function codebookChecksum(path: string, bytes: Uint8Array): string {
	const { tensors, metadata } = parseSafetensors(path, bytes);
	const names = Object.keys(tensors).filter((name) => /^vq_layer\.(.*\.)?embeddings\.weight$/.test(name));
	const hash = createHash("sha256");
	for (const name of names.sort()) {
		const { data } = tensors[name];
		hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
	}
	if (names.length === 0) {
		const { levels } = JSON.parse(metadata.quantizer ?? "{}") as { readonly levels?: unknown };
		hash.update(JSON.stringify(levels ?? []));
	}
	return hash.digest("hex");
}
