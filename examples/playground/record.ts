// Records the run that the playground shows if a browser has no WebGPU: npm run playground:record
// It is a run of the page's own code with its default settings, in Node.
import { mkdir, writeFile } from "node:fs/promises";
import { encode } from "fast-png";
import { openDevice } from "tessera-gpu";
import { adapterName } from "./shared/benchmark.js";
import type { Pictures, StepMetrics } from "./shared/frames.js";
import type { Recording } from "./shared/recording.js";
import { defaultSettings } from "./shared/settings.js";
import { digitImages } from "./worker/data.js";
import { TrainingRun } from "./worker/training_run.js";

const folder = "examples/playground/recorded";
const lastStep = 2000;
/** How often the model is looked at, from the first step to the last; at the start more often. */
const looks = 40;
/** Test images for the errors, of which the first are in the pictures. */
const testImages = 256;
/** Points of the training curve. */
const points = 250;
/** Grey levels are rounded to multiples of this, which makes the picture half as large. */
const greyStep = 8;
const watched = { codebook: true, plane: true };

/** 0, 1, 2, … and further apart later. */
function stepsToLookAt(): number[] {
	const steps = Array.from({ length: looks }, (_, i) => Math.round((lastStep + 1) ** (i / (looks - 1)) - 1));
	for (let i = 1; i < looks; i++) steps[i] = Math.max(steps[i] as number, (steps[i - 1] as number) + 1);
	return steps;
}

/** A number with four significant digits. */
function short(value: number): number {
	return Number(value.toPrecision(4));
}

/** Grey pictures side by side, one row for each entry. */
function sheet(rows: readonly Pictures[], levels: number): Uint8Array {
	const { count, width, height } = rows[0] as Pictures;
	const data = new Uint8Array(rows.length * count * width * height);
	for (const [row, { pixels }] of rows.entries())
		for (const [at, value] of pixels.entries()) {
			const [image, y, x] = [Math.floor(at / (width * height)), Math.floor(at / width) % height, at % width];
			data[(row * height + y) * count * width + image * width + x] = Math.min(255, Math.round(value / levels) * levels);
		}
	return encode({ width: count * width, height: rows.length * height, data, channels: 1, depth: 8 });
}

const gpu = await openDevice();
const run = new TrainingRun(gpu, defaultSettings, digitImages(defaultSettings), "recorded");
const rows: Pictures[] = [run.originals()];
const moments: Recording["moments"][number][] = [];
const losses: StepMetrics[] = [];
let last = await run.look(watched, testImages);
for (const step of stepsToLookAt()) {
	const begin = performance.now();
	while (run.step < step) {
		run.takeStep();
		await gpu.throttle(2);
	}
	await gpu.finish();
	run.milliseconds += performance.now() - begin;
	losses.push(...(await run.readLosses()));
	last = await run.look(watched, testImages);
	rows.push(last.reconstructions);
	const { nmse, psnr, perplexity, codesInUse } = last.test;
	moments.push({
		step,
		nmse: short(nmse),
		psnr: short(psnr),
		perplexity: short(perplexity),
		codesInUse,
		seconds: short(run.milliseconds / 1000),
	});
	console.log(`step ${step}: test error ${nmse.toFixed(3)}, ${codesInUse} codes in use`);
}
const { codebook, plane } = last;
if (codebook === undefined || plane === undefined) throw new Error("look() gave no codebook or no plane");
const thinned = losses.filter((_, i) => i < 50 || i % Math.ceil(losses.length / points) === 0);
const recording: Recording = {
	format: "tessera-recording",
	version: 1,
	date: new Date().toISOString(),
	library: TESSERA_VERSION,
	adapter: adapterName(gpu.adapter),
	settings: defaultSettings,
	run: run.info,
	moments,
	training: {
		steps: thinned.map(({ step }) => step),
		nmse: thinned.map(({ nmse }) => short(nmse)),
		perplexity: thinned.map(({ perplexity }) => short(perplexity)),
	},
	use: Array.from(codebook.use, short),
	codes: Array.from(codebook.shown),
	plane: {
		latents: Array.from(plane.latents, short),
		assigned: Array.from(plane.assigned),
		codes: Array.from(plane.codes, short),
		explained: short(plane.explained),
	},
	count: last.reconstructions.count,
	patchSide: codebook.patches.width,
};
await mkdir(folder, { recursive: true });
await writeFile(`${folder}/run.json`, JSON.stringify(recording));
await writeFile(`${folder}/strip.png`, sheet(rows, greyStep));
await writeFile(`${folder}/patches.png`, sheet([codebook.patches], 1));
run.dispose();
