import { openDevice } from "../../adapters/open_device.js";
import { writeFileAtomic } from "../../files.js";
import { plural } from "../../plural.js";
import { runFolderOf } from "../../runs/inputs.js";
import { checkHasPrior, loadPrior } from "../../runs/load_prior.js";
import { print, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import {
	checkClass,
	checkGridSize,
	checkPng,
	gridOfImages,
	sampleImages,
	sizeOfImages,
} from "../../runs/sample_images.js";
import { defineCommand } from "../command.js";
import { adapter, classOption, count, runArgument, samplingOptions } from "../shared_options.js";

const widestGrid = 16;

export const sampleCommand = defineCommand({
	name: "sample",
	summary: "Draw new images from the prior of a run",
	description: "Draw new images from the prior of a run, as a grid: a row for each class if the images had classes.",
	examples: ["tessera sample runs/digits", "tessera sample runs/mnist --class 7 --temperature 0.9 --out sevens.png"],
	arguments: { run: runArgument },
	options: {
		count: { ...count, default: 8, help: "how many images; without --class, how many of each class" },
		class: { ...classOption, otherwise: "all", help: "the class to draw, if the images had classes" },
		...samplingOptions,
		out: { kind: "text", value: "path", default: "samples.png", help: "the .png to write: the grid of images" },
		adapter,
	},
	async run({ run: path, count, class: label, temperature, topK, seed, out, adapter }) {
		checkPng(out);
		const run = await runFolderOf(path);
		await checkHasPrior(run);
		const gpu = await openDevice({ adapter, announce: showsProgress() });
		const loaded = await loadPrior(gpu, run);
		const { numClasses } = loaded.prior;
		checkClass(run, numClasses, label);
		const ofEachClass = numClasses > 0 && label === undefined;
		const total = ofEachClass ? count * numClasses : count;
		checkGridSize(count, ofEachClass ? numClasses : 1, sizeOfImages(loaded.prior, loaded.levels));
		const start = performance.now();
		const labels = Uint32Array.from({ length: total }, (_, i) => label ?? Math.floor(i / count));
		const drawing = { count: total, temperature, topK, seed, labels: numClasses === 0 ? undefined : labels };
		const images = await withProgress("drawing", total, (progress) =>
			sampleImages(loaded, drawing, (done) => progress.update(done, "images")),
		);
		const seconds = ((performance.now() - start) / 1000).toFixed(1);
		gpu.dispose();
		await writeFileAtomic(out, gridOfImages(images, ofEachClass ? count : Math.min(widestGrid, count)));
		print(
			`${plural(total, "image")}${ofEachClass ? `, a row for each of ${plural(numClasses, "class", "classes")},` : ""} in ${seconds} s, written to ${out}`,
		);
	},
});
