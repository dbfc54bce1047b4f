import { writeFileAtomic } from "../files.js";
import { loadPrior } from "../load_prior.js";
import { type AdapterChoice, openDevice } from "../open_device.js";
import { checkClass, checkPng, gridOfImages, sampleImages } from "../sample_grid.js";

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
export async function sample(run: string, options: SampleCommandOptions): Promise<void> {
	const { count, label, temperature, topK, seed, out } = options;
	checkPng(out);
	const gpu = await openDevice({ adapter: options.adapter });
	const loaded = await loadPrior(gpu, run);
	const { numClasses } = loaded.prior;
	checkClass(run, numClasses, label);
	const ofEachClass = numClasses > 0 && label === undefined;
	const total = ofEachClass ? count * numClasses : count;
	const labels = Uint32Array.from({ length: total }, (_, i) => label ?? Math.floor(i / count));
	const start = performance.now();
	const images = await sampleImages(loaded, {
		count: total,
		temperature,
		topK,
		seed,
		labels: numClasses === 0 ? undefined : labels,
	});
	const seconds = ((performance.now() - start) / 1000).toFixed(1);
	gpu.dispose();
	await writeFileAtomic(out, gridOfImages(images, ofEachClass ? count : Math.min(widestGrid, count)));
	console.log(
		`${total} ${total === 1 ? "image" : "images"}${ofEachClass ? `, a row for each of ${numClasses} classes,` : ""} in ${seconds} s, written to ${out}`,
	);
}
