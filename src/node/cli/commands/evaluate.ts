import { ArgumentError } from "../../../base/errors.js";
import { openDevice } from "../../adapters/open_device.js";
import { imagesPerBatch } from "../../images/batch_sizes.js";
import { PairFolders } from "../../images/pair_folders.js";
import { type Quality, qualityInWords } from "../../metrics/quality.js";
import { plural } from "../../plural.js";
import { BadImages } from "../../runs/bad_images.js";
import { evaluateStream } from "../../runs/evaluate_images.js";
import { listHeldOut } from "../../runs/held_out.js";
import { type ImageList, listImages } from "../../runs/image_list.js";
import { streamImages } from "../../runs/image_stream.js";
import { findModel, openModel } from "../../runs/open_model.js";
import { print, printResult, showsProgress } from "../../runs/output.js";
import { withProgress } from "../../runs/progress.js";
import { defineCommand } from "../command.js";
import { adapter, inputOptions, inputsArgument, modelArgument, pairsOption } from "../shared_options.js";

const command = "tessera evaluate";

export const evaluateCommand = defineCommand({
	name: "evaluate",
	summary: "Measure how well a model reconstructs images",
	description:
		"Measure reconstructions: MSE, NMSE, PSNR, SSIM, use of codes and perplexity, of all images and of each class. Without images, those that the run's training held out.",
	examples: [
		"tessera evaluate runs/mnist",
		"tessera evaluate runs/photos photos/test --json",
		"tessera evaluate runs/cifar cifar-10 --pairs pairs/",
	],
	arguments: { model: modelArgument, images: inputsArgument },
	options: { ...inputOptions, pairs: pairsOption, adapter },
	async run({ model: path, images: given, split, size, maxBad, pairs: pairsPath, adapter }) {
		const found = await findModel(path);
		if (given.length === 0 && found.config === undefined)
			throw new ArgumentError(
				`${command}: no images were given, and "${path}" is not the folder of a run: name images, folders of them, or a data set.`,
			);
		if (given.length === 0 && (split !== undefined || size !== undefined))
			throw new ArgumentError(
				`${command}: --${split === undefined ? "size" : "split"} has no effect on the images that the training held out: leave it out, or name images.`,
			);
		const pairs = pairsPath === undefined ? undefined : await PairFolders.open(pairsPath);
		const list = given.length === 0 ? await listHeldOut(found) : await listImages(command, given, split, found.config);
		try {
			const gpu = await openDevice({ adapter, announce: showsProgress() });
			const { model, preparation } = await openModel(gpu, found, size);
			const total = list.names.length;
			const bad = new BadImages(total, maxBad);
			const together = (size: { height: number; width: number }) => imagesPerBatch(model, size);
			const batches = streamImages(list, { preparation, together, oneSize: false, bad });
			const start = performance.now();
			const seconds = () => (performance.now() - start) / 1000;
			const { all, classes } = await withProgress("evaluating", total, (progress) =>
				evaluateStream(gpu, model, batches, {
					// PyTorch's files of weights do not state the variance, which is below 1 for all images.
					variance: model.dataVariance < 1 ? model.dataVariance : undefined,
					pairs,
					progress: (done) => progress.update(done, `${Math.round(done / seconds())} images/s`),
				}),
			);
			gpu.dispose();
			const { numEmbeddings } = model.vqLayer;
			const left = bad.count === 0 ? "" : ` (${bad.count} left out)`;
			print(`${plural(all.images, "image")}${left}: ${qualityInWords(all)}`);
			if (all.exact > 0 && all.exact < all.images)
				print(`${plural(all.exact, "image")} of them reproduced exactly, without a PSNR`);
			print(codesInWords(all, numEmbeddings));
			for (const line of tableOf(list, classes)) print(line);
			if (pairsPath !== undefined) print(`Pairs written to ${pairsPath}/originals and ${pairsPath}/reconstructions`);
			printResult({
				...forMachines(all),
				leftOut: bad.count,
				codes: numEmbeddings,
				classes: [...classes].map(([label, quality]) => ({
					label,
					name: list.classes?.[label],
					...forMachines(quality),
				})),
			});
		} finally {
			await list.close?.();
		}
	},
});

/** null for what is not known or not defined, as for numbers that are not finite. */
function forMachines({ nmse = Number.NaN, psnr = Number.NaN, ssim = Number.NaN, ...quality }: Quality): Quality {
	return { ...quality, nmse, psnr, ssim };
}

/** The use of codes, level by level. */
function codesInWords({ levels }: Quality, codes: number): string {
	return levels
		.map(
			({ used, perplexity }, i) =>
				`${levels.length > 1 ? `Level ${i + 1}: ` : ""}${used} of ${plural(codes, "code")} in use, perplexity ${perplexity.toFixed(1)}`,
		)
		.join("\n");
}

/** A line for each class, under a line of headings; none without classes. */
function tableOf({ classes: names }: ImageList, classes: ReadonlyMap<number, Quality>): string[] {
	if (classes.size === 0) return [];
	const digits = (value: number | undefined, count: number) => value?.toFixed(count) ?? "–";
	const rows = [...classes].map(([label, { images, mse, nmse, psnr, ssim, levels }]) => [
		names?.[label] ?? String(label),
		String(images),
		digits(mse, 5),
		digits(nmse, 4),
		digits(psnr, 2),
		digits(ssim, 4),
		levels.map(({ used }) => used).join(" "),
		levels.map(({ perplexity }) => perplexity.toFixed(1)).join(" "),
	]);
	const table = [["class", "images", "MSE", "NMSE", "PSNR", "SSIM", "codes", "perplexity"], ...rows];
	const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
	return table.map((row) =>
		row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
	);
}
