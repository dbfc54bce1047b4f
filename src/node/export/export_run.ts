import { createHash } from "node:crypto";
import { isAbsolute, relative, sep } from "node:path";
import { ArgumentError } from "../../base/errors.js";
import { type AdapterChoice, openDevice } from "../adapters/open_device.js";
import { readRegularFile } from "../files.js";
import { modelFile } from "../runs/inputs.js";
import { modelFromFile } from "../runs/load_model.js";
import { codebookChecksum } from "../runs/open_model.js";
import { parseSafetensors } from "../runs/safetensors_file.js";
import { checkTarget, type Target, type WrittenFile, writeFiles } from "./export_files.js";
import { huggingFaceConfig } from "./hugging_face.js";
import { modelCard, pictureName } from "./model_card.js";
import { onnxFiles } from "./onnx_model.js";
import { readRunFacts } from "./run_facts.js";

export interface ExportOptions {
	/** The folder of a run, or a model file. */
	readonly model: string;
	/** The folder for ONNX files. */
	readonly onnx: string | undefined;
	/** The folder for Hugging Face's hub. */
	readonly hf: string | undefined;
	/** For the model card. */
	readonly license: string | undefined;
	/** Whether files in these folders are replaced. */
	readonly overwrite: boolean;
	readonly adapter: AdapterChoice | undefined;
}

/** Writes a model in the formats of others. Everything is checked and computed before the first file is written. */
export async function exportModel(options: ExportOptions): Promise<{ file: string; written: WrittenFile[] }> {
	const { onnx, hf, license, overwrite } = options;
	if (onnx === undefined && hf === undefined)
		throw new ArgumentError("tessera export: nothing to write: give --onnx FOLDER, --hf FOLDER, or both.");
	if (license !== undefined && hf === undefined)
		throw new ArgumentError("tessera export: --license is for the model card of --hf: give --hf FOLDER too.");
	const file = await modelFile(options.model);
	const bytes = await readRegularFile(file);
	const weights = parseSafetensors(file, bytes);
	const facts = hf === undefined ? undefined : await readRunFacts(file);
	const targets: Target[] = [];
	if (onnx !== undefined) targets.push({ option: "--onnx", folder: onnx, names: ["encoder.onnx", "decoder.onnx"] });
	if (hf !== undefined)
		targets.push({ option: "--hf", folder: hf, names: ["config.json", "model.safetensors", "README.md", pictureName] });
	for (const target of targets) await checkTarget(target, overwrite);

	const gpu = await openDevice({ adapter: options.adapter, announce: false });
	const model = modelFromFile(gpu, weights);
	const outputs: [folder: string, files: Readonly<Record<string, Uint8Array | string>>][] = [];
	if (onnx !== undefined) {
		const modelHash = createHash("sha256").update(bytes).digest("hex");
		const { encoder, decoder } = onnxFiles(model, weights.tensors, {
			version: TESSERA_VERSION,
			modelHash,
			codebook: codebookChecksum(file, bytes),
		});
		outputs.push([onnx, { "encoder.onnx": encoder, "decoder.onnx": decoder }]);
	}
	if (hf !== undefined && facts !== undefined) {
		const config = huggingFaceConfig(model, weights, facts);
		const card = modelCard(model, facts, { license, onnx: onnx && pathWithin(hf, onnx) });
		const picture = facts.picture === undefined ? {} : { [pictureName]: facts.picture };
		outputs.push([
			hf,
			{
				"config.json": `${JSON.stringify(config, undefined, "\t")}\n`,
				"model.safetensors": bytes,
				"README.md": card,
				...picture,
			},
		]);
	}
	gpu.dispose();
	const written: WrittenFile[] = [];
	for (const [folder, files] of outputs) written.push(...(await writeFiles(folder, files)));
	return { file, written };
}

/** The path of a folder inside another, with "/"; undefined if it is elsewhere. */
function pathWithin(outer: string, inner: string): string | undefined {
	const path = relative(outer, inner);
	const names = path.split(sep);
	return isAbsolute(path) || names[0] === ".." ? undefined : names.join("/");
}
