import { exportModel } from "../../export/export_run.js";
import { print, printResult } from "../../runs/output.js";
import { defineCommand } from "../command.js";
import { adapter, modelArgument } from "../shared_options.js";

export const exportCommand = defineCommand({
	name: "export",
	summary: "Write a model as ONNX files, or for Hugging Face's hub",
	description:
		"Write a model for other programs: as ONNX files, an encoder (images to codes) and a decoder (codes to images), and as a folder for Hugging Face's hub. The files are printed with their sizes; with --json also with their SHA-256.",
	examples: [
		"tessera export runs/digits --onnx exported/onnx",
		"tessera export runs/digits --hf exported --onnx exported/onnx --license mit",
	],
	arguments: { model: modelArgument },
	options: {
		onnx: { kind: "text", value: "folder", help: "write encoder.onnx and decoder.onnx to this folder" },
		hf: {
			kind: "text",
			value: "folder",
			help: "write config.json, model.safetensors, a model card and the picture of reconstructions to this folder; the model must be in the folder of a run",
		},
		license: {
			kind: "text",
			value: "name",
			otherwise: "left to you",
			help: "the licence in the model card of --hf, as an identifier such as mit",
		},
		overwrite: { kind: "flag", help: "replace these files in folders that are not empty, and leave the others there" },
		adapter,
	},
	async run(options) {
		const { file, written } = await exportModel(options);
		for (const { path, bytes } of written) print(`${path}: ${bytes.toLocaleString("en-US")} bytes`);
		printResult({ model: file, files: written });
	},
});
