import { type AdapterChoice, openDevice } from "../../adapters/open_device.js";
import { writeFileAtomic } from "../../files.js";
import { plural } from "../../plural.js";
import { runFolderOf } from "../../runs/inputs.js";
import { checkHasPrior, loadPrior } from "../../runs/load_prior.js";
import { withProgress } from "../../runs/progress.js";
import {
	checkClass,
	checkGridSize,
	checkPng,
	gridOfImages,
	sampleImages,
	sizeOfImages,
} from "../../runs/sample_grid.js";

export interface SampleCommandOptions {
	/** How many images, of each class where none is named. */
	readonly count: number;
	readonly label: number | undefined;
	readonly temperature: number;
	readonly topK: number | undefined;
	readonly seed: number;
	/** A .png for the grid. */
	readonly out: string;
	readonly adapter: AdapterChoice | undefined;
}

const widestGrid = 16;

/** `tessera sample`: new images from the prior of a run, one row for each class where there are classes. */
export async function sample(path: string, options: SampleCommandOptions): Promise<void> {
	const { count, label, temperature, topK, seed, out } = options;
	checkPng(out);
	const run = await runFolderOf(path);
	await checkHasPrior(run);
	const gpu = await openDevice({ adapter: options.adapter });
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
	console.log(
		`${plural(total, "image")}${ofEachClass ? `, a row for each of ${plural(numClasses, "class", "classes")},` : ""} in ${seconds} s, written to ${out}`,
	);
}
