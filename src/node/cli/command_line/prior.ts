import type { Command } from "commander";
import { ArgumentError } from "../../../base/errors.js";
import { adapter, number, type Options, oneOf, optionalWhole, seed, text, whole } from "../arguments.js";
import { complete, keptParts } from "../commands/complete.js";
import { sample } from "../commands/sample.js";
import { defaultPriorRate, trainPrior } from "../commands/train_prior.js";
import { adapterOption, addExamples, addOptions, type OptionLine } from "./define.js";

const runArgument = "the folder of a run, or its model file";

export function defineTrainPrior(program: Command): void {
	const command = program
		.command("train-prior")
		.argument("<run>", runArgument)
		.summary("Train a prior on the codes of a run's images")
		.description("Train a prior on the codes of a run's images. It is left in the folder of the run.");
	addOptions(command, [
		["--images <count>", "how many training images to use (digits: to draw; default: as the run)"],
		["--epochs <count>", "how often to go through them", 10],
		["--batch <count>", "images a step", 64],
		["--lr <rate>", "learning rate of Adam, which falls to zero along a cosine", defaultPriorRate],
		["--channels <count>", "of each of its two stacks", 32],
		["--layers <count>", "gated layers", 6],
		["--kernel <size>", "odd: each layer sees half of it further", 3],
		["--dropout <p>", "the share of hidden values that each step drops, against overfitting", 0],
		["--seed <number>", "of weights, order, what is dropped, and samples", 0],
		adapterOption,
	]);
	addExamples(command, "tessera train-prior runs/digits", "tessera train-prior runs/mnist --epochs 5 --batch 128");
	command.action((run: string, options: Options) =>
		trainPrior(run, {
			images: optionalWhole(options, "images", 1),
			epochs: whole(options, "epochs", 1),
			batch: whole(options, "batch", 1),
			lr: number(options, "lr", { least: 0 }),
			channels: whole(options, "channels", 1),
			layers: whole(options, "layers", 1),
			kernel: kernel(options),
			dropout: number(options, "dropout", { least: 0, below: 1 }),
			seed: seed(options),
			adapter: adapter(options),
		}),
	);
}

function kernel(options: Options): number {
	const size = whole(options, "kernel", 3);
	if (size % 2 === 0) throw new ArgumentError(`tessera: --kernel must be odd, but is ${size}.`);
	return size;
}

/** What `sample` and `complete` have in common. */
const drawingOptions: readonly OptionLine[] = [
	["--temperature <number>", "below 1 likelier codes, 0 the likeliest alone", 1],
	["--top-k <count>", "draw among so many of the likeliest codes"],
	["--seed <number>", "of the random numbers", 0],
];

function drawing(options: Options) {
	return {
		count: whole(options, "count", 1),
		label: optionalWhole(options, "class", 0),
		temperature: number(options, "temperature", { least: 0 }),
		topK: optionalWhole(options, "top-k", 1),
		seed: seed(options),
		adapter: adapter(options),
	};
}

export function defineSample(program: Command): void {
	const command = program
		.command("sample")
		.argument("<run>", runArgument)
		.summary("Draw new images from the prior of a run")
		.description(
			"Draw new images from the prior of a run, as a grid: a row for each class where the images had classes.",
		);
	addOptions(command, [
		["--count <count>", "how many; without --class of each class", 8],
		["--class <label>", "of which class, where the images had classes"],
		...drawingOptions,
		["--out <path>", "where to write the grid of images", "samples.png"],
		adapterOption,
	]);
	addExamples(
		command,
		"tessera sample runs/digits",
		"tessera sample runs/mnist --class 7 --temperature 0.9 --out sevens.png",
	);
	command.action((run: string, options: Options) =>
		sample(run, { ...drawing(options), out: text(options, "out") ?? "" }),
	);
}

export function defineComplete(program: Command): void {
	const command = program
		.command("complete")
		.argument("<run>", runArgument)
		.argument("[images...]", "PNG images, or folders of them")
		.summary("Keep a part of images and draw the rest")
		.description("Keep a part of PNG images and draw the rest from the prior of a run.");
	addOptions(command, [
		["--keep <part>", `the half, or the middle, that is kept: ${keptParts.join(", ")}`, "top"],
		["--count <count>", "completions of each image", 6],
		["--class <label>", "of which class they are (default: drawn too)"],
		...drawingOptions,
		["--out <path>", "where to write the grid: each image, what is kept, completions", "completions.png"],
		adapterOption,
	]);
	addExamples(command, "tessera complete runs/mnist 7.png --keep left --count 6");
	command.action((run: string, images: string[], options: Options) =>
		complete(run, images, {
			...drawing(options),
			keep: oneOf(options, "keep", keptParts),
			out: text(options, "out") ?? "",
		}),
	);
}
