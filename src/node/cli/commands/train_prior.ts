import { parseInterval } from "../../runs/interval.js";
import { defaultPriorRate, trainPrior } from "../../runs/train_prior.js";
import { defineCommand } from "../command.js";
import { adapter, controlOptions, count, runArgument, seed } from "../shared_options.js";

export const trainPriorCommand = defineCommand({
	name: "train-prior",
	summary: "Train a prior on the codes of a run's images",
	description:
		"Train a prior, a gated PixelCNN, on the codes of a run's images. Its weights, metrics, samples and chart go to the folder of the run.",
	examples: ["tessera train-prior runs/digits", "tessera train-prior runs/mnist --epochs 5 --batch 128"],
	arguments: { run: runArgument },
	options: {
		images: {
			...count,
			otherwise: "as many as the run; 10,000 for digits if the run has the default",
			help: "how many training images to use; for digits, how many to draw",
		},
		epochs: {
			...count,
			otherwise: "so many that about 40,000 images are seen, at least 4",
			help: "passes over the training images",
		},
		batch: { ...count, otherwise: "128 from 20,000 images on, else 64", help: "images per step" },
		lr: {
			kind: "number",
			value: "rate",
			least: 0,
			default: defaultPriorRate,
			help: "learning rate of Adam, which follows a cosine to 0",
		},
		channels: { ...count, default: 32, help: "channels of each of the two stacks" },
		layers: { ...count, default: 6, help: "gated layers" },
		kernel: { ...count, value: "size", least: 3, odd: true, default: 3, help: "width of the convolution kernels" },
		dropout: {
			kind: "number",
			value: "p",
			least: 0,
			below: 1,
			default: 0,
			help: "probability with which a hidden value is dropped in training",
		},
		seed: { ...seed, help: "seed of weights, order, dropout and samples" },
		resume: {
			kind: "flag",
			help: "continue the training of the run's prior, with its settings; only --epochs and --lr may be others",
		},
		...controlOptions,
		adapter,
	},
	run({ run, resume, checkpointEvery, retry, adapter, ...options }, given) {
		const interval = parseInterval("tessera train-prior", "--checkpoint-every", checkpointEvery);
		const { resume: _, checkpointEvery: __, retry: ___, adapter: ____, ...named } = given;
		return trainPrior(run, options, named, resume, { adapter, retry, checkpointEvery: interval });
	},
});
