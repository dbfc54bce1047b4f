// How many of a prior's class-conditional samples a classifier takes for their class. The classifier is trained here, on the
// real images of the run; what it makes of real test images and of their reconstructions is shown beside it.
//   node build/bench/recognise_samples.js RUN
import { writeFile } from "node:fs/promises";
import { cac } from "cac";
import { DataError, openDevice, subset, TesseraError } from "tessera-gpu";
import {
	adapter,
	adapterHelp,
	number,
	type Options,
	optionalWhole,
	seed as seedOf,
	text,
	whole,
} from "../src/node/cli/arguments.js";
import { reconstructImages } from "../src/node/images/pictures.js";
import { loadPrior } from "../src/node/runs/load_prior.js";
import { loadRunData, readRunData } from "../src/node/runs/run_data.js";
import { sampleImages } from "../src/node/runs/sample_grid.js";
import { Classifier } from "./recognition/classifier.js";

function share(found: readonly number[], wanted: ArrayLike<number>): number {
	return found.filter((label, i) => label === wanted[i]).length / found.length;
}

function percent(value: number): string {
	return `${(100 * value).toFixed(1)} %`;
}

async function main(run: string, options: Options): Promise<void> {
	const count = whole(options, "count", 1);
	const temperature = number(options, "temperature", { least: 0 });
	const topK = optionalWhole(options, "top-k", 1);
	const seed = seedOf(options);
	const epochs = whole(options, "epochs", 1);
	const { train, test } = await loadRunData(await readRunData(run));
	const gpu = await openDevice({ adapter: adapter(options) });
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
	const out = text(options, "out");
	if (out !== undefined) {
		const result = { run, adapter: gpu.adapter.description, count, temperature, topK, seed, epochs };
		const shares = { real, reconstructed, recognised, each };
		await writeFile(out, `${JSON.stringify({ ...result, ...shares }, undefined, "\t")}\n`);
	}
	classifier.dispose();
	gpu.dispose();
}

const cli = cac("node build/bench/recognise_samples.js");
cli
	.command("<run>", "How many of a prior's samples a classifier takes for their class")
	.option("--count <images>", "Samples of each class", { default: 100 })
	.option("--temperature <factor>", "Of the samples", { default: 1 })
	.option("--top-k <codes>", "Draw among the likeliest codes only")
	.option("--epochs <count>", "Of the classifier's training", { default: 2 })
	.option("--seed <number>", "Of the classifier and of the samples", { default: 0 })
	.option("--out <file>", "Also write the numbers as JSON")
	.option("--adapter <name>", adapterHelp)
	.action(main);
cli.help();
try {
	cli.parse(process.argv, { run: false });
	if (cli.options.help !== true) {
		if (cli.matchedCommand === undefined) throw new DataError("Name the folder of a run that has a prior.");
		await cli.runMatchedCommand();
	}
} catch (error) {
	const expected = error instanceof TesseraError || (error as Error).name === "CACError";
	process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
	process.exitCode = 1;
}
