import { checkNumber, wrongArgument } from "../../../base/arguments.js";
import { ArgumentError } from "../../../base/errors.js";
import { colourOf } from "../../images/prepare_image.js";
import { crops, defaultBackground } from "../../runs/data_options.js";
import { runFolderOf } from "../../runs/inputs.js";
import { parseInterval } from "../../runs/interval.js";
import { gradients, initialisations, quantizerKinds, similarities } from "../../runs/quantizer_options.js";
import { defaultDigits } from "../../runs/run_sources.js";
import { defaultLearningRate, schedules } from "../../runs/train_options.js";
import { resumeVQVAE, trainVQVAE } from "../../runs/train_vqvae.js";
import { defineCommand } from "../command.js";
import { adapter, controlOptions, count, maxBad, seed } from "../shared_options.js";

const withCodebook = {
	option: "quantizer",
	values: ["ema", "loss", "residual"],
	because: "it has no codebook (--levels gives its codes)",
} as const;

export const trainCommand = defineCommand({
	name: "train",
	summary: "Train a VQ-VAE",
	description:
		"Train a VQ-VAE. Weights, metrics, pictures and a chart go to a folder under runs/. Ctrl-C ends the training and keeps the weights reached so far; --resume continues it.",
	examples: [
		"tessera train",
		"tessera train --data mnist --out runs/mnist",
		"tessera train --data photos/ --size 64 --flip",
		"tessera train --resume runs/mnist --epochs 10",
	],
	arguments: {},
	options: {
		data: {
			kind: "text",
			value: "source",
			default: "digits",
			help: "digits (drawn by the program), mnist, fashion-mnist, cifar-10, or a folder: of images, of IDX files, or of CIFAR-10's binary version",
		},
		images: {
			...count,
			otherwise: `${defaultDigits} for digits, else all`,
			help: "how many training images to use; for digits, how many to draw",
		},
		size: {
			...count,
			value: "pixels",
			least: 4,
			divisibleBy: 4,
			otherwise: "as they are if they have one size up to 256, else at most 64",
			help: "scale images so that their shorter side is this, and cut out a square",
		},
		crop: {
			kind: "word",
			value: "part",
			words: crops,
			default: "center",
			help: "which square of an image is used in training",
		},
		flip: { kind: "flag", help: "mirror half of the images in training" },
		channels: {
			kind: "number",
			value: "count",
			least: 1,
			most: 3,
			odd: true,
			whole: true,
			otherwise: "3 if an image has a colour",
			help: "1 for grey, 3 for colour",
		},
		background: {
			kind: "text",
			value: "colour",
			default: defaultBackground,
			help: "what transparent pixels are composited over: black, white or #rrggbb",
		},
		validation: {
			kind: "number",
			value: "share",
			above: 0,
			below: 1,
			otherwise: "0.1 if there is no part for validation or testing",
			help: "share of the training images that is held out to validate",
		},
		maxBad,
		epochs: {
			...count,
			otherwise:
				"3 for digits, else so many that about 40,000 images of 28 × 28 are seen (10,000 of 56 × 56 and more), at least 5",
			help: "passes over the training images",
		},
		batch: { ...count, otherwise: "128 from 20,000 images on, else 16", help: "images per step" },
		lr: { kind: "number", value: "rate", least: 0, default: defaultLearningRate, help: "learning rate of Adam" },
		schedule: {
			kind: "word",
			value: "name",
			words: schedules,
			default: "cosine",
			help: "learning-rate schedule",
		},
		warmUp: { ...count, value: "steps", least: 0, default: 0, help: "steps over which the learning rate rises" },
		clip: {
			kind: "number",
			value: "norm",
			above: 0,
			otherwise: "gradients are not clipped",
			help: "the largest norm of the gradient; a longer one is scaled down",
		},
		ema: {
			kind: "number",
			value: "decay",
			least: 0,
			below: 1,
			otherwise: "weights are not averaged",
			help: "write and test a moving average of the weights with this decay, such as 0.999",
		},
		quantizer: { kind: "word", value: "kind", words: quantizerKinds, default: "ema", help: "kind of quantizer" },
		init: {
			kind: "word",
			value: "method",
			words: initialisations,
			default: "kmeans",
			onlyWith: withCodebook,
			help: "initialisation of the codebook",
		},
		codes: {
			...count,
			value: "K",
			otherwise: "128 for grey images, 512 for colour",
			onlyWith: withCodebook,
			help: "codes in the codebook",
		},
		dim: { ...count, value: "D", default: 16, onlyWith: withCodebook, help: "length of a code" },
		hidden: {
			...count,
			value: "channels",
			least: 2,
			divisibleBy: 2,
			default: 64,
			help: "channels of the network's inner layers",
		},
		residualLayers: {
			kind: "numbers",
			value: "counts",
			least: 0,
			whole: true,
			mostNumbers: 2,
			default: [0],
			help: "residual blocks in the encoder and in the decoder, such as 0,2 if they differ",
		},
		beta: {
			kind: "number",
			value: "weight",
			least: 0,
			default: 0.25,
			onlyWith: withCodebook,
			help: "weight of the commitment loss",
		},
		decay: {
			kind: "number",
			value: "share",
			least: 0,
			below: 1,
			default: 0.5,
			onlyWith: withCodebook,
			help: "decay of the codebook's moving averages",
		},
		deadBelow: {
			kind: "number",
			value: "share",
			least: 0,
			most: 1,
			default: 0.1,
			onlyWith: { ...withCodebook, defaults: { loss: 0 } },
			help: "re-initialise codes that are used less than this share of the mean",
		},
		similarity: {
			kind: "word",
			value: "measure",
			words: similarities,
			default: "euclidean",
			onlyWith: withCodebook,
			help: "how latents and codes are compared",
		},
		gradient: {
			kind: "word",
			value: "method",
			words: gradients,
			default: "straight-through",
			onlyWith: withCodebook,
			help: "gradient through the quantizer",
		},
		levels: {
			kind: "numbers",
			value: "numbers",
			least: 1,
			whole: true,
			default: [],
			onlyWith: {
				option: "quantizer",
				values: ["residual", "fsq"],
				defaults: { residual: [2], fsq: [8, 4, 4] },
			},
			help: "residual: how many codebooks; fsq: how many values each dimension has",
		},
		seed: { ...seed, help: "seed of weights, order and digits" },
		out: { kind: "text", value: "folder", otherwise: "runs/NAME", help: "the folder to write" },
		overwrite: { kind: "flag", help: "first remove the run that is in the folder of --out" },
		resume: {
			kind: "text",
			value: "run",
			otherwise: "a new run is started",
			help: "continue the run in this folder, with its settings; only --epochs and --lr may be others",
		},
		...controlOptions,
		adapter,
	},
	async run({ out, overwrite, resume, checkpointEvery, retry, adapter, ...options }, given) {
		const control = {
			adapter,
			retry,
			checkpointEvery: parseInterval("tessera train", "--checkpoint-every", checkpointEvery),
		};
		colourOf("tessera train", "--background", options.background);
		if (resume === undefined) {
			checkLevels(options.quantizer, options.levels);
			const residualLayers = bothHalves(options.residualLayers);
			await trainVQVAE({ ...options, residualLayers }, { out, overwrite }, control);
			return;
		}
		if (out !== undefined || overwrite)
			throw new ArgumentError(
				`tessera train: ${out === undefined ? "--overwrite" : "--out"} has no effect with --resume, which continues in the run's own folder: leave it out.`,
			);
		const { resume: _, checkpointEvery: __, retry: ___, adapter: ____, residualLayers, ...named } = given;
		const layers = residualLayers === undefined ? {} : { residualLayers: bothHalves(residualLayers) };
		await resumeVQVAE(await runFolderOf(resume), { ...named, ...layers }, control);
	},
});

function bothHalves([encoder = 0, decoder = encoder]: readonly number[]): readonly [number, number] {
	return [encoder, decoder];
}

/** @throws ArgumentError if the quantizer does not take these levels */
function checkLevels(quantizer: (typeof quantizerKinds)[number], levels: readonly number[]): void {
	if (quantizer === "residual" && levels.length > 1)
		throw wrongArgument("tessera train", "--levels", "one number with --quantizer residual", levels.join(","));
	if (quantizer === "fsq")
		for (const values of levels) checkNumber("tessera train", "--levels", values, { least: 2, whole: true });
}
