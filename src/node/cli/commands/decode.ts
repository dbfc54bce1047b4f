import { ArgumentError } from "../../../base/errors.js";
import { openDevice } from "../../adapters/open_device.js";
import { codeFormatOf } from "../../codes/code_files.js";
import { PngFolder } from "../../images/png_folder.js";
import { plural } from "../../plural.js";
import { checkCodesFit, decodeFile } from "../../runs/decode_codes.js";
import { findModel, openModel } from "../../runs/open_model.js";
import { print, printResult, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import { defineCommand } from "../command.js";
import { adapter, modelArgument, overwriteOption } from "../shared_options.js";

const command = "tessera decode";

export const decodeCommand = defineCommand({
	name: "decode",
	summary: "Turn files of codes into images",
	description:
		"Decode files of codes, as `tessera encode` writes them, into a PNG file for each image, with the image's name and in the folder of its class.",
	examples: ["tessera decode runs/mnist codes.safetensors --out images/"],
	arguments: {
		model: modelArgument,
		codes: { help: "files of codes: .safetensors, .npy or .jsonl", several: true },
	},
	options: {
		out: { kind: "text", value: "folder", default: "decoded", help: "the folder to write" },
		overwrite: overwriteOption,
		force: { kind: "flag", help: "decode codes of another codebook too" },
		adapter,
	},
	async run({ model: modelPath, codes: paths, out, overwrite, force, adapter }) {
		if (paths.length === 0)
			throw new ArgumentError(`${command}: no codes were given: name at least one file that \`tessera encode\` wrote.`);
		const formats = paths.map((path) => codeFormatOf(`${command}: codes`, path));
		const found = await findModel(modelPath);
		const readers = [];
		try {
			for (const [i, path] of paths.entries()) readers.push({ path, reader: await formats[i].open(path) });
			const gpu = await openDevice({ adapter, announce: showsProgress() });
			const opened = await openModel(gpu, found);
			const files = [];
			for (const { path, reader } of readers)
				files.push({ path, reader, info: await checkCodesFit(path, reader, found, opened, force) });
			const folder = new PngFolder(out, overwrite);
			const start = performance.now();
			const seconds = () => (performance.now() - start) / 1000;
			let done = 0;
			for (const { path, reader, info } of files) {
				const before = done;
				await withProgress("decoding", reader.count, async (progress) => {
					const count = await decodeFile(
						gpu,
						{ model: opened.model, path, reader, info, first: before },
						folder,
						(images) => progress.update(images - before, `${Math.round(images / seconds())} images/s`),
					);
					done += count;
				});
			}
			const took = seconds();
			gpu.dispose();
			print(
				`${plural(done, "image")} in ${took.toFixed(1)} s (${Math.round(done / took)} images/s), written to ${out}`,
			);
			printResult({ images: done, seconds: took, imagesPerSecond: done / took, out });
		} finally {
			for (const { reader } of readers) await reader.close();
		}
	},
});
