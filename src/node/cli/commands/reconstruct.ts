import { basename, extname, join, resolve } from "node:path";
import { formatValue } from "../../../base/arguments.js";
import { ArgumentError } from "../../../base/errors.js";
import type { ImageSet } from "../../../data/image_set.js";
import { openDevice } from "../../adapters/open_device.js";
import { writeFileAtomic } from "../../files.js";
import { imageGrid, reconstructionGrid } from "../../images/image_grid.js";
import { joined, reconstructImages } from "../../images/pictures.js";
import { type Image, readImage, withChannels } from "../../images/read_image.js";
import { plural } from "../../plural.js";
import { imagePaths, modelFile } from "../../runs/inputs.js";
import { loadModel } from "../../runs/load_model.js";
import { print, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import { defineCommand } from "../command.js";
import { adapter, imagesArgument, modelArgument } from "../shared_options.js";

export const reconstructCommand = defineCommand({
	name: "reconstruct",
	summary: "Encode and decode images with a trained model",
	description: "Encode and decode PNG images with a trained model, and print the error of each.",
	examples: ["tessera reconstruct runs/digits a.png b.png", "tessera reconstruct runs/photos photos/ --out out/"],
	arguments: { model: modelArgument, images: imagesArgument },
	options: {
		out: {
			kind: "text",
			value: "path",
			default: "reconstructions.png",
			help: "a .png to write a grid of originals above reconstructions, or a folder to write a .png for each image",
		},
		adapter,
	},
	async run({ model: modelPath, images: given, out, adapter }) {
		const extension = extname(out).toLowerCase();
		if (/^\.(jpe?g|gif|bmp|webp|tiff?|svg)$/.test(extension))
			throw new ArgumentError(
				`tessera reconstruct: --out must be a .png for a grid, or a folder for a .png of each image, but is ${formatValue(out)}.`,
			);
		const paths = await imagePaths("tessera reconstruct", given);
		const file = await modelFile(modelPath);
		const images: (Image & { readonly path: string })[] = [];
		await withProgress("reading", paths.length, async (progress) => {
			for (const path of paths) {
				images.push({ path, ...(await readImage(path)) });
				progress.update(images.length, "files");
			}
		});
		const [first] = images as [(typeof images)[number]];
		const intoGrid = extension === ".png";
		const other = images.find(({ height, width }) => height !== first.height || width !== first.width);
		if (intoGrid && other !== undefined)
			throw new ArgumentError(
				`tessera reconstruct: the images of a grid must have one size, but "${first.path}" is ${first.width} × ${first.height} and "${other.path}" ${other.width} × ${other.height}: give --out a folder instead.`,
			);

		const targets = intoGrid ? [out] : paths.map((path) => targetOf(path, out));
		checkTargets(targets, paths);

		const gpu = await openDevice({ adapter, announce: showsProgress() });
		const model = await loadModel(gpu, file);
		const results: { path: string; original: Image; reconstruction: Image }[] = [];
		await withProgress("reconstructing", images.length, async (progress) => {
			for (const image of images) {
				const original = withChannels(image, model.inChannels as 1 | 3);
				const padded = padToFour(original);
				const pixels = await reconstructImages(gpu, model, imageSet(padded));
				results.push({
					path: image.path,
					original,
					reconstruction: crop({ ...padded, pixels }, original.height, original.width),
				});
				progress.update(results.length, "images");
			}
		});
		gpu.dispose();

		if (intoGrid) {
			const { height, width } = first;
			const grid = reconstructionGrid(
				{
					images: joined(results.map(({ original }) => original.pixels)),
					count: results.length,
					channels: model.inChannels,
					height,
					width,
					columns: Math.min(8, results.length),
				},
				joined(results.map(({ reconstruction }) => reconstruction.pixels)),
			);
			await writeFileAtomic(out, grid);
		} else {
			for (const { path, reconstruction } of results) {
				const { pixels, channels, height, width } = reconstruction;
				const png = imageGrid({ images: pixels, count: 1, channels, height, width, columns: 1, scale: 1, gap: 0 });
				await writeFileAtomic(targetOf(path, out), png);
			}
		}
		for (const { path, original, reconstruction } of results)
			print(`${path}: mean squared error ${meanSquaredError(original.pixels, reconstruction.pixels).toFixed(5)}`);
		print(`${plural(results.length, "reconstruction")} written to ${out}`);
	},
});

/** The path of the reconstruction of one image. */
function targetOf(path: string, folder: string): string {
	return join(folder, `${basename(path, extname(path))}.png`);
}

/** @throws ArgumentError if a file would overwrite an image that was given, or another result */
function checkTargets(targets: readonly string[], images: readonly string[]): void {
	const taken = new Set(images.map((path) => resolve(path)));
	for (const target of targets) {
		if (taken.has(resolve(target)))
			throw new ArgumentError(
				`tessera reconstruct: "${target}" would be overwritten: choose another --out, or give images with different names.`,
			);
		taken.add(resolve(target));
	}
}

function imageSet(image: Image): ImageSet {
	return { name: "image", count: 1, ...image };
}

/** The image with its last row and column repeated until both lengths are divisible by 4. */
function padToFour(image: Image): Image {
	return resample(image, Math.ceil(image.height / 4) * 4, Math.ceil(image.width / 4) * 4);
}

function crop(image: Image, height: number, width: number): Image {
	return resample(image, height, width);
}

/** The image's top left part of this size; what lies outside repeats the last row and column. */
function resample(image: Image, height: number, width: number): Image {
	const pixels = new Uint8Array(image.channels * height * width);
	let at = 0;
	for (let channel = 0; channel < image.channels; channel++)
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) {
				const from = channel * image.height + Math.min(y, image.height - 1);
				pixels[at++] = image.pixels[from * image.width + Math.min(x, image.width - 1)];
			}
	return { ...image, height, width, pixels };
}

/** On the 0 … 1 scale. */
function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
	return a.reduce((sum, value, i) => sum + ((value - b[i]) / 255) ** 2, 0) / a.length;
}
