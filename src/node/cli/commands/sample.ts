import { extname } from "node:path";
import { formatValue } from "../../../base/arguments.js";
import { ArgumentError } from "../../../base/errors.js";
import { openDevice } from "../../adapters/open_device.js";
import { writeFileAtomic } from "../../files.js";
import { PngFolder, safeName } from "../../images/png_folder.js";
import { plural } from "../../plural.js";
import { runFolderOf } from "../../runs/inputs.js";
import { checkHasPrior, type LoadedPrior, loadPrior } from "../../runs/load_prior.js";
import { findModel } from "../../runs/open_model.js";
import { print, printResult, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import {
	checkGridSize,
	checkScale,
	classNumber,
	type Drawing,
	gridOfImages,
	sampleBatches,
	sampleImages,
	sizeOfImages,
} from "../../runs/sample_images.js";
import { defineCommand } from "../command.js";
import { adapter, classOption, count, overwriteOption, runArgument, samplingOptions } from "../shared_options.js";

const widestGrid = 16;

export const sampleCommand = defineCommand({
	name: "sample",
	summary: "Draw new images from the prior of a run",
	description:
		"Draw new images from the prior of a run: as a grid, with a row for each class if the images had classes, or as files in a folder.",
	examples: [
		"tessera sample runs/digits",
		"tessera sample runs/mnist --class 7 --temperature 0.9 --out sevens.png",
		"tessera sample runs/cifar --class frog --count 5000 --out frogs/",
	],
	arguments: { run: runArgument },
	options: {
		count: { ...count, default: 8, help: "how many images; without --class, how many of each class" },
		class: {
			...classOption,
			otherwise: "all",
			help: "the class to draw, by its name or its number, if the images had classes",
		},
		...samplingOptions,
		out: {
			kind: "text",
			value: "path",
			default: "samples.png",
			help: "a .png to write a grid of the images, or a folder to write a .png for each image",
		},
		scale: {
			...count,
			value: "pixels",
			otherwise: "in a grid the largest that keeps an image within 64 × 64, else 1",
			help: "side of the square that each pixel becomes",
		},
		overwrite: overwriteOption,
		adapter,
	},
	async run({ run: path, count, class: className, temperature, topK, seed, out, scale, overwrite, adapter }) {
		const extension = extname(out).toLowerCase();
		if (/^\.(jpe?g|gif|bmp|webp|avif|tiff?|svg)$/.test(extension))
			throw new ArgumentError(
				`tessera sample: --out must be a .png for a grid, or a folder for a .png of each image, but is ${formatValue(out)}.`,
			);
		const intoGrid = extension === ".png";
		const run = await runFolderOf(path);
		await checkHasPrior(run);
		const { config } = await findModel(run);
		const gpu = await openDevice({ adapter, announce: showsProgress() });
		const loaded = await loadPrior(gpu, run);
		const { numClasses } = loaded.prior;
		const label = classNumber(run, numClasses, config?.classes, className);
		const ofEachClass = numClasses > 0 && label === undefined;
		const total = ofEachClass ? count * numClasses : count;
		const size = sizeOfImages(loaded.prior, loaded.levels);
		checkScale(scale ?? 1, size);
		if (intoGrid) checkGridSize(count, ofEachClass ? numClasses : 1, size, scale);
		const start = performance.now();
		const labels = Uint32Array.from({ length: total }, (_, i) => label ?? Math.floor(i / count));
		const drawing = { count: total, temperature, topK, seed, labels: numClasses === 0 ? undefined : labels };
		await withProgress("drawing", total, async (progress) => {
			const update = (done: number) => progress.update(done, "images");
			if (intoGrid) {
				const images = await sampleImages(loaded, drawing, update);
				await writeFileAtomic(out, gridOfImages(images, ofEachClass ? count : Math.min(widestGrid, count), scale));
			} else {
				const nameOf = (i: number): string => {
					const number = String(i % count).padStart(String(count - 1).length, "0");
					return numClasses === 0 ? number : `${safeName(config?.classes?.[labels[i]] ?? String(labels[i]))}-${number}`;
				};
				await writeFiles(loaded, drawing, { folder: new PngFolder(out, overwrite), nameOf, scale, update });
			}
		});
		const seconds = (performance.now() - start) / 1000;
		gpu.dispose();
		print(
			`${plural(total, "image")}${ofEachClass ? `, ${intoGrid ? "a row for" : `${count} of`} each of ${plural(numClasses, "class", "classes")},` : ""} in ${seconds.toFixed(1)} s, written to ${out}`,
		);
		printResult({ images: total, classes: ofEachClass ? numClasses : undefined, class: label, seconds, out });
	},
});

interface Files {
	readonly folder: PngFolder;
	readonly nameOf: (image: number) => string;
	readonly scale: number | undefined;
	readonly update: (done: number) => void;
}

/** Draws images and writes each into a file. */
async function writeFiles(
	loaded: LoadedPrior,
	drawing: Drawing,
	{ folder, nameOf, scale, update }: Files,
): Promise<void> {
	for await (const { pixels, first, count, channels, height, width } of sampleBatches(loaded, drawing)) {
		const size = channels * height * width;
		for (let i = 0; i < count; i++) {
			const image = { channels: channels as 1 | 3, height, width, pixels: pixels.subarray(i * size, (i + 1) * size) };
			await folder.write(nameOf(first + i), image, scale);
		}
		update(first + count);
	}
}
