import { DataError } from "../../../base/errors.js";
import { openDevice } from "../../adapters/open_device.js";
import { codeFormatOf } from "../../codes/code_files.js";
import { type Part, parseShard, partOf } from "../../codes/shards.js";
import { imagesPerBatch } from "../../images/batch_sizes.js";
import { plural } from "../../plural.js";
import { BadImages } from "../../runs/bad_images.js";
import { encodeStream } from "../../runs/encode_images.js";
import { listImages } from "../../runs/image_list.js";
import { streamImages } from "../../runs/image_stream.js";
import { findModel, openModel } from "../../runs/open_model.js";
import { print, printResult, showsProgress, warn } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import { defineCommand } from "../command.js";
import { adapter, inputOptions, inputsArgument, modelArgument } from "../shared_options.js";

const command = "tessera encode";

export const encodeCommand = defineCommand({
	name: "encode",
	summary: "Turn images into files of codes",
	description:
		"Encode any number of images into a file of codes. Images are prepared as those of the run: scaled and cropped if it has a size.",
	examples: [
		"tessera encode runs/mnist mnist --split train --out codes.safetensors",
		"tessera encode runs/photos photos/ --shard 1/8 --out codes-1.jsonl",
	],
	arguments: { model: modelArgument, images: inputsArgument },
	options: {
		out: {
			kind: "text",
			value: "path",
			default: "codes.safetensors",
			help: "the file to write, whose name ends in .safetensors, .npy or .jsonl",
		},
		shard: {
			kind: "text",
			value: "i/n",
			otherwise: "all images",
			help: "encode the i-th of n parts of the images, counted from 1, for as many processes",
		},
		...inputOptions,
		adapter,
	},
	async run({ model: path, images: given, out, split, shard: shardText, size, maxBad, adapter }) {
		const format = codeFormatOf(`${command}: --out`, out);
		const shard = shardText === undefined ? undefined : parseShard(command, shardText);
		const found = await findModel(path);
		const list = await listImages(command, given, split, found.config);
		const all = list.names.length;
		const part: Part = shard === undefined ? { first: 0, end: all } : partOf(shard, all);
		const total = part.end - part.first;
		if (total === 0)
			throw new DataError(
				`${command}: --shard ${shardText} has none of the ${plural(all, "image")}: choose fewer shards.`,
			);
		const gpu = await openDevice({ adapter, announce: showsProgress() });
		const { model, preparation, codebook, hash } = await openModel(gpu, found, size);
		const bad = new BadImages(total, maxBad);
		const together = (size: { height: number; width: number }) => imagesPerBatch(model, size);
		const batches = streamImages(list, { ...part, preparation, together, oneSize: true, bad });
		const start = performance.now();
		const seconds = () => (performance.now() - start) / 1000;
		const { count, info } = await withProgress("encoding", total, (progress) =>
			encodeStream(gpu, model, batches, {
				known: { codebook, model: hash, classes: list.classes, shard: shardText },
				names: list.names.slice(part.first, part.end),
				hasLabels: list.labels !== undefined,
				open: (announced) => format.write(out, announced),
				progress: (done) => progress.update(done, `${Math.round(done / seconds())} images/s`),
			}),
		);
		const took = seconds();
		gpu.dispose();
		if (list.labels === undefined && list.classes !== undefined)
			warn("No labels were written, because not every image is in a folder with the name of a class.");
		const levels = info.levels === 1 ? "" : ` of ${info.levels} levels`;
		const left = bad.count === 0 ? "" : `, ${bad.count} left out`;
		print(
			`${plural(count, "image")} of ${info.imageWidth} × ${info.imageHeight} as ${info.height} × ${info.width} codes${levels} out of ${info.codes}${left}, in ${took.toFixed(1)} s (${Math.round(count / took)} images/s), written to ${out}`,
		);
		printResult({
			images: count,
			leftOut: bad.count,
			height: info.height,
			width: info.width,
			levels: info.levels,
			codes: info.codes,
			codebook,
			seconds: took,
			imagesPerSecond: count / took,
			out,
		});
	},
});
