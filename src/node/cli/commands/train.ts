import { checkNumber, wrongArgument } from "../../../base/arguments.js";
import { gradients, initialisations, quantizerKinds, similarities } from "../../runs/quantizer_options.js";
import { defaultDigits } from "../../runs/run_data.js";
import { defaultLearningRate, schedules, trainVQVAE } from "../../runs/train_vqvae.js";
import { defineCommand } from "../command.js";
import { adapter, count, seed } from "../shared_options.js";

const withCodebook = {
	option: "quantizer",
	values: ["ema", "loss", "residual"],
	because: "it has no codebook (--levels gives its codes)",
} as const;

export const trainCommand = defineCommand({
	name: "train",
	summary: "Train a VQ-VAE",
	description:
		"Train a VQ-VAE. Weights, metrics, pictures and a chart go to a folder under runs/. Ctrl-C ends the training and keeps the weights reached so far.",
	examples: ["tessera train", "tessera train --data mnist --batch 128 --epochs 5 --out runs/mnist"],
	arguments: {},
	options: {
		data: {
			kind: "text",
			value: "source",
			default: "digits",
			help: "digits (drawn by the program), mnist, fashion-mnist, or a folder of IDX or PNG files",
		},
		images: {
			...count,
			otherwise: `${defaultDigits} for digits, else all`,
			help: "how many training images to use; for digits, how many to draw",
		},
		epochs: { ...count, default: 3, help: "passes over the training images" },
		batch: { ...count, default: 16, help: "images per step" },
		lr: { kind: "number", value: "rate", least: 0, default: defaultLearningRate, help: "learning rate of Adam" },
		schedule: {
			kind: "word",
			value: "name",
			words: schedules,
			default: "cosine",
			help: "learning-rate schedule",
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
		codes: { ...count, value: "K", default: 128, onlyWith: withCodebook, help: "codes in the codebook" },
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
		adapter,
	},
	run: ({ residualLayers: [encoder = 0, decoder = encoder], ...options }) => {
		checkLevels(options.quantizer, options.levels);
		return trainVQVAE({ ...options, residualLayers: [encoder, decoder] });
	},
});

/** @throws ArgumentError if the quantizer does not take these levels */
function checkLevels(quantizer: (typeof quantizerKinds)[number], levels: readonly number[]): void {
	if (quantizer === "residual" && levels.length > 1)
		throw wrongArgument("tessera train", "--levels", "one number with --quantizer residual", levels.join(","));
	if (quantizer === "fsq")
		for (const values of levels) checkNumber("tessera train", "--levels", values, { least: 2, whole: true });
}
