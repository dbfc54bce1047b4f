import { resolve } from "node:path";
import { ArgumentError } from "../../../base/errors.js";
import { completePrior } from "../../../prior/complete_prior.js";
import { openDevice } from "../../adapters/open_device.js";
import { writeFileAtomic } from "../../files.js";
import { gridsPerBatch } from "../../images/batch_sizes.js";
import { joined, toBytes, toNetwork } from "../../images/pictures.js";
import { type Image, readImage, withChannels } from "../../images/read_image.js";
import { plural } from "../../plural.js";
import { type CodeGrid, decodeCodes, gridOf } from "../../runs/code_sets.js";
import { imagePaths, runFolderOf } from "../../runs/inputs.js";
import { checkHasPrior, loadPrior } from "../../runs/load_prior.js";
import { findModel } from "../../runs/open_model.js";
import { print, printResult, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import { checkGridSize, checkPng, classNumber, gridOfImages, sizeOfImages } from "../../runs/sample_images.js";
import { defineCommand } from "../command.js";
import { adapter, classOption, count, imagesArgument, runArgument, samplingOptions } from "../shared_options.js";

/** The part of an image that is kept: the upper or the left half, or a box in the middle. */
const keptParts = ["top", "left", "box"] as const;

/** The most candidates per completion, and the most of all completions that are drawn together. */
const mostParticles = 32;
const mostGrids = 1024;
/** The grey of pixels that are not kept. */
const unknown = 90;

export const completeCommand = defineCommand({
	name: "complete",
	summary: "Keep a part of images and draw the rest",
	description: "Keep a part of PNG images and draw the rest from the prior of a run.",
	examples: ["tessera complete runs/mnist 7.png --keep left --count 6"],
	arguments: { run: runArgument, images: imagesArgument },
	options: {
		keep: {
			kind: "word",
			value: "part",
			words: keptParts,
			default: "top",
			help: "the half, or the middle, that is kept",
		},
		count: { ...count, default: 6, help: "completions of each image" },
		class: { ...classOption, otherwise: "drawn as well", help: "the class of the images, by its name or its number" },
		...samplingOptions,
		out: {
			kind: "text",
			value: "path",
			default: "completions.png",
			help: "the .png to write: each image, what is kept of it, its completions",
		},
		adapter,
	},
	async run({ run: path, images: given, keep, count, class: className, temperature, topK, seed, out, adapter }) {
		checkPng(out);
		const paths = await imagePaths("tessera complete", given);
		const run = await runFolderOf(path);
		await checkHasPrior(run);
		if (paths.some((path) => resolve(path) === resolve(out)))
			throw new ArgumentError(`tessera complete: "${out}" would be overwritten: choose another --out.`);
		const images = await Promise.all(paths.map((path) => readImage(path)));
		const gpu = await openDevice({ adapter, announce: showsProgress() });
		const { model, prior, levels } = await loadPrior(gpu, run);
		const label = classNumber(run, prior.numClasses, (await findModel(run)).config?.classes, className);
		const size = sizeOfImages(prior, levels);
		checkGridSize(count + 2, images.length, size);
		const start = performance.now();
		const gridsTogether = gridsPerBatch(prior, gpu, mostGrids);
		const particles = Math.min(mostParticles, gridsTogether);
		const together = Math.floor(gridsTogether / particles);
		const rows: Uint8Array[] = [];
		let sizes: readonly number[] = [];
		await withProgress("drawing", images.length * count, async (progress) => {
			for (const [i, image] of images.entries()) {
				const original = withChannels(image, model.inChannels);
				const codes = gpu.scope(() => {
					const { channels, height, width, pixels } = original;
					if (height % 4 !== 0 || width % 4 !== 0) return undefined;
					return model.encode(gpu.tensor(toNetwork(pixels), [1, channels, height, width]));
				});
				const grid = codes && gridOf(codes);
				if (codes === undefined || grid?.height !== prior.height || grid.width !== prior.width)
					throw new ArgumentError(
						`tessera complete: "${paths[i]}" is ${image.width} × ${image.height}, but the prior of "${run}" is for images of ${size.width} × ${size.height}: scale it first.`,
					);
				const kept = keptCodes(keep, grid);
				const drawing = { codes: await codes.data(), keep: kept, label, temperature, topK, particles };
				codes.dispose();
				rows.push(original.pixels, keptPixels(original, kept, grid));
				for (let first = 0; first < count; first += together) {
					const part = Math.min(together, count - first);
					// So that no two share their random numbers.
					const drawn = await completePrior(prior, {
						...drawing,
						count: part,
						seed: (seed + i + images.length * first) % 2 ** 31,
					});
					const decoded = gpu.scope(() =>
						decodeCodes(model, gpu.tensor(drawn, [part, prior.height, prior.width]), levels),
					);
					sizes = decoded.shape;
					rows.push(toBytes(await decoded.data()));
					decoded.dispose();
					progress.update(i * count + first + part, "completions");
				}
			}
		});
		const seconds = ((performance.now() - start) / 1000).toFixed(1);
		gpu.dispose();
		const [, channels, height, width] = sizes as [number, number, number, number];
		await writeFileAtomic(out, gridOfImages({ pixels: joined(rows), channels, height, width }, count + 2));
		print(
			`${plural(images.length, "image")}, what is kept, and ${plural(count, "completion")}${images.length > 1 ? " of each" : ""}, in ${seconds} s, written to ${out}`,
		);
		printResult({ images: images.length, completions: count * images.length, seconds: Number(seconds), out });
	},
});

/** 1 for each code of the grid that is kept, else 0. */
function keptCodes(part: (typeof keptParts)[number], { height, width, levels }: CodeGrid): Uint8Array {
	const positions = width / levels;
	return Uint8Array.from({ length: height * width }, (_, i) => {
		const [y, x] = [Math.floor(i / width), Math.floor((i % width) / levels)];
		if (part === "top") return Number(y < height / 2);
		if (part === "left") return Number(x < positions / 2);
		const inside = (at: number, length: number) => at >= Math.floor(length / 4) && at < Math.ceil((3 * length) / 4);
		return Number(inside(y, height) && inside(x, positions));
	});
}

/** The image without the pixels whose codes are not kept. */
function keptPixels({ height, width, pixels }: Image, kept: Uint8Array, grid: CodeGrid): Uint8Array {
	const [rows, columns] = [height / grid.height, (width * grid.levels) / grid.width];
	return pixels.map((value, i) => {
		const [y, x] = [Math.floor(i / width) % height, i % width];
		const code = Math.floor(y / rows) * grid.width + Math.floor(x / columns) * grid.levels;
		return kept[code] === 1 ? value : unknown;
	});
}
