import { extname, join, resolve } from "node:path";
import { formatValue } from "../../../base/arguments.js";
import { ArgumentError } from "../../../base/errors.js";
import { openDevice } from "../../adapters/open_device.js";
import { writeFileAtomic } from "../../files.js";
import { imagesPerBatch } from "../../images/batch_sizes.js";
import { reconstructionGrid } from "../../images/image_grid.js";
import { PairFolders } from "../../images/pair_folders.js";
import { joined } from "../../images/pictures.js";
import { PngFolder, pngName } from "../../images/png_folder.js";
import type { Image } from "../../images/read_image.js";
import { roundedToFour } from "../../images/resample.js";
import { meanSquaredError } from "../../metrics/image_error.js";
import { compareImages, QualityTally, qualityInWords } from "../../metrics/quality.js";
import { plural } from "../../plural.js";
import { BadImages } from "../../runs/bad_images.js";
import { type ImageList, listImages } from "../../runs/image_list.js";
import { streamImages } from "../../runs/image_stream.js";
import { findModel, openModel } from "../../runs/open_model.js";
import { print, printResult, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import { reconstructStream } from "../../runs/reconstruct_stream.js";
import { defineCommand } from "../command.js";
import { adapter, inputOptions, inputsArgument, modelArgument, pairsOption } from "../shared_options.js";

const command = "tessera reconstruct";

export const reconstructCommand = defineCommand({
	name: "reconstruct",
	summary: "Encode and decode images with a trained model",
	description:
		"Encode and decode images with a trained model, and print the error of each. Images are prepared as those of the run if it has a size; otherwise they may have any.",
	examples: [
		"tessera reconstruct runs/digits a.png b.png",
		"tessera reconstruct runs/photos photos/ --out out/ --metrics",
	],
	arguments: { model: modelArgument, images: inputsArgument },
	options: {
		out: {
			kind: "text",
			value: "path",
			default: "reconstructions.png",
			help: "a .png to write a grid of originals above reconstructions, or a folder to write a .png for each image",
		},
		metrics: { kind: "flag", help: "print PSNR and SSIM too, and the means of all images" },
		pairs: pairsOption,
		...inputOptions,
		adapter,
	},
	async run({ model: path, images: given, out, metrics, pairs: pairsPath, split, size, maxBad, adapter }) {
		const extension = extname(out).toLowerCase();
		if (/^\.(jpe?g|gif|bmp|webp|tiff?|svg)$/.test(extension))
			throw new ArgumentError(
				`${command}: --out must be a .png for a grid, or a folder for a .png of each image, but is ${formatValue(out)}.`,
			);
		const intoGrid = extension === ".png";
		const found = await findModel(path);
		const list = await listImages(command, given, split, found.config);
		checkTargets(intoGrid ? [out] : list.names.map((name) => join(out, pngName(name))), list);
		const pairs = pairsPath === undefined ? undefined : await PairFolders.open(pairsPath);
		const gpu = await openDevice({ adapter, announce: showsProgress() });
		const { model, preparation } = await openModel(gpu, found, size);
		const bad = new BadImages(list.names.length, maxBad);
		const together = ({ height, width }: { height: number; width: number }) =>
			imagesPerBatch(model, { height: roundedToFour(height), width: roundedToFour(width) });
		const batches = streamImages(list, { preparation, together, oneSize: false, anySides: true, bad });
		const tally = new QualityTally(1, 1, model.dataVariance < 1 ? model.dataVariance : undefined);
		const folder = new PngFolder(out, true);
		const grid: { original: Image; reconstruction: Image }[] = [];
		const lines: string[] = [];
		const results: object[] = [];
		await withProgress("reconstructing", list.names.length, async (progress) => {
			for await (const { name, original, reconstruction } of reconstructStream(gpu, model, batches)) {
				if (intoGrid) {
					checkOneSize(original, grid[0]?.original);
					grid.push({ original, reconstruction });
				} else await folder.write(name, reconstruction);
				await pairs?.write(name, original, reconstruction);
				if (metrics) {
					const quality = compareImages(original.pixels, reconstruction.pixels, original);
					tally.add(quality, quality.mse);
					lines.push(`${name}: ${qualityInWords({ ...quality, nmse: undefined })}`);
					results.push({ name, ...quality, ssim: quality.ssim ?? null });
				} else {
					const mse = meanSquaredError(original.pixels, reconstruction.pixels);
					lines.push(`${name}: mean squared error ${mse.toFixed(5)}`);
					results.push({ name, mse });
				}
				progress.update(results.length, "images");
			}
		});
		gpu.dispose();
		if (intoGrid) await writeFileAtomic(out, pictureOf(grid));
		for (const line of lines) print(line);
		const { levels: _, ...mean } = tally.result();
		if (metrics) print(`Mean of ${plural(mean.images, "image")}: ${qualityInWords(mean)}`);
		print(`${plural(results.length, "reconstruction")} written to ${out}`);
		printResult({ images: results, ...(metrics ? { mean } : {}), leftOut: bad.count, out });
	},
});

/** @throws ArgumentError if a file would overwrite an image that was given */
function checkTargets(targets: readonly string[], { files }: ImageList): void {
	const given = new Set(files.map((path) => resolve(path)));
	for (const target of targets)
		if (given.has(resolve(target)))
			throw new ArgumentError(
				`${command}: "${target}" would be overwritten: choose another --out, or give images with different names.`,
			);
}

/** @throws ArgumentError if an image of a grid has another size than the first */
function checkOneSize(image: Image, first: Image | undefined): void {
	if (first === undefined || (first.height === image.height && first.width === image.width)) return;
	throw new ArgumentError(
		`${command}: the images of a grid must have one size, but one is ${first.width} × ${first.height} and another ${image.width} × ${image.height}: give --size, or a folder for --out.`,
	);
}

/** A grid of originals above reconstructions, as PNG bytes. */
function pictureOf(results: readonly { readonly original: Image; readonly reconstruction: Image }[]): Uint8Array {
	const [{ original }] = results;
	const { channels, height, width } = original;
	return reconstructionGrid(
		{
			images: joined(results.map(({ original }) => original.pixels)),
			count: results.length,
			channels,
			height,
			width,
			columns: Math.min(8, results.length),
		},
		joined(results.map(({ reconstruction }) => reconstruction.pixels)),
	);
}
