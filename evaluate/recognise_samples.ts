// How many of a prior's class-conditional samples a classifier assigns to their class. The classifier is trained here, on the
// real images of the run. Its shares for real test images and for their reconstructions are printed for comparison.
//   npm run evaluate:recognition -- RUN
import { writeFile } from "node:fs/promises";
import { DataError, type ImageSet, openDevice, subset } from "tessera-gpu";
import { defineCommand } from "../src/node/cli/command.js";
import { programOf, runProgram } from "../src/node/cli/program.js";
import { adapter, count, runArgument, samplingOptions } from "../src/node/cli/shared_options.js";
import type { ImageSource } from "../src/node/images/image_source.js";
import { reconstructImages } from "../src/node/images/pictures.js";
import { cacheFolderOf, dataOptionsOf } from "../src/node/runs/continue_run.js";
import { loadPrior } from "../src/node/runs/load_prior.js";
import { readRunConfig } from "../src/node/runs/run_config.js";
import { openRunSources } from "../src/node/runs/run_sources.js";
import { sampleImages } from "../src/node/runs/sample_images.js";
import { Classifier } from "./recognition/classifier.js";

function share(found: readonly number[], wanted: ArrayLike<number>): number {
	return found.filter((label, i) => label === wanted[i]).length / found.length;
}

function percent(value: number): string {
	return `${(100 * value).toFixed(1)} %`;
}

const command = defineCommand({
	name: "evaluate:recognition",
	summary: "How many of a prior's samples a classifier assigns to their class",
	description:
		"Train a classifier on the images of a run, and count how many of its prior's samples it assigns to their class.",
	examples: ["npm run evaluate:recognition -- runs/mnist"],
	arguments: { run: runArgument },
	options: {
		count: { ...count, default: 100, help: "samples of each class" },
		...samplingOptions,
		epochs: { ...count, default: 2, help: "epochs of the classifier's training" },
		out: { kind: "text", value: "file", help: "a .json file to write the numbers to as well" },
		adapter,
	},
	async run({ run, count, temperature, topK, seed, epochs, out, adapter }) {
		const config = await readRunConfig(run);
		const sources = await openRunSources(dataOptionsOf(config, config), cacheFolderOf(run));
		const [train, test] = await Promise.all([sources.train, sources.heldOut].map(inMemory));
		await sources.close();
		const gpu = await openDevice({ adapter });
		const loaded = await loadPrior(gpu, run);
		const { numClasses } = loaded.prior;
		if (train.labels === undefined || test.labels === undefined || numClasses === 0)
			throw new DataError(`The images of ${run} have no classes.`);

		const classifier = new Classifier(gpu, train, numClasses, seed);
		await classifier.train(train, { epochs, batch: Math.min(128, train.count), seed });
		const real = share(await classifier.classesOf(test.pixels, test), test.labels);
		const ofReconstructions: number[] = [];
		for (let first = 0; first < test.count; first += 250) {
			const part = subset(test, first, Math.min(first + 250, test.count));
			ofReconstructions.push(...(await classifier.classesOf(await reconstructImages(gpu, loaded.model, part), test)));
		}
		const reconstructed = share(ofReconstructions, test.labels);

		const labels = Uint32Array.from({ length: count * numClasses }, (_, i) => Math.floor(i / count));
		const samples = await sampleImages(loaded, { count: labels.length, labels, temperature, topK, seed });
		const found = await classifier.classesOf(samples.pixels, samples);
		const ofClass = (label: number) => {
			const own = found.slice(label * count, (label + 1) * count);
			return share(
				own,
				Uint32Array.from(own, () => label),
			);
		};
		const recognised = share(found, labels);
		const each = Array.from({ length: numClasses }, (_, label) => ofClass(label));
		console.log(`Recognised: real test images ${percent(real)}, their reconstructions ${percent(reconstructed)},`);
		console.log(
			`samples ${percent(recognised)} of ${labels.length} (temperature ${temperature}${topK ? `, top ${topK}` : ""}).`,
		);
		console.log(`By class: ${each.map((value, label) => `${label} ${percent(value)}`).join(", ")}.`);
		if (out !== undefined) {
			const result = { run, adapter: gpu.adapter.description, count, temperature, topK, seed, epochs };
			const shares = { real, reconstructed, recognised, each };
			await writeFile(out, `${JSON.stringify({ ...result, ...shares }, undefined, "\t")}\n`);
		}
		classifier.dispose();
		gpu.dispose();
	},
});

await runProgram(programOf(command), process.argv.slice(2));

async function inMemory(source: ImageSource): Promise<ImageSet> {
	const { name, count, channels, height, width, labels } = source;
	const pixels = source.pixels ?? (await source.read(Uint32Array.from({ length: count }, (_, i) => i)));
	const set = { name, count, channels, height, width, pixels };
	return labels === undefined ? set : { ...set, labels };
}
