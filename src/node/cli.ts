import { readFileSync } from "node:fs";
import { cac } from "cac";
import { ArgumentError, TesseraError } from "../gpu/errors.js";
import { adapter, adapterHelp, number, numbers, type Options, oneOf, text } from "./arguments.js";
import { complete, keptParts } from "./commands/complete.js";
import { doctor } from "./commands/doctor.js";
import { reconstruct } from "./commands/reconstruct.js";
import { sample } from "./commands/sample.js";
import { printSummary } from "./commands/summary.js";
import { schedules, train } from "./commands/train.js";
import { trainPrior } from "./commands/train_prior.js";
import { leaveOutDawnsLines } from "./dawn_log.js";
import {
	gradients,
	initialisations,
	type QuantizerOptions,
	quantizerKinds,
	similarities,
} from "./quantizer_options.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
	version: string;
};
/** What describes a codebook. Not given to cac, which would hide what was said and what was not. */
const codebookDefaults = {
	init: "kmeans",
	codes: 128,
	dim: 16,
	beta: 0.25,
	decay: 0.5,
	deadBelow: undefined,
	similarity: "euclidean",
	gradient: "straight-through",
};
const cli = cac("tessera");

cli
	.command("train", "Train a VQ-VAE; weights, metrics and pictures go to a folder under runs/")
	.option("--data <source>", "digits (drawn by the program), mnist, fashion-mnist, or a folder of IDX or PNG files", {
		default: "digits",
	})
	.option("--images <count>", "How many training images to use (digits: to draw; default 1024)")
	.option("--epochs <count>", "How often to go through them", { default: 3 })
	.option("--batch <count>", "Images a step", { default: 16 })
	.option("--lr <rate>", "Learning rate of Adam", { default: 6e-3 })
	.option("--schedule <how>", `Of the learning rate: ${schedules.join(" or ")}`, { default: "cosine" })
	.option("--quantizer <kind>", `How codes are learnt: ${quantizerKinds.join(", ")}`, { default: "ema" })
	.option("--init <method>", `First codes: ${initialisations.join(", ")} (default: ${codebookDefaults.init})`)
	.option("--codes <K>", `Codes in the codebook (default: ${codebookDefaults.codes})`)
	.option("--dim <D>", `Length of a code (default: ${codebookDefaults.dim})`)
	.option("--hidden <channels>", "Channels of the network's inner layers, even", { default: 64 })
	.option("--residual-layers <counts>", "Residual blocks in both halves, or as 0,2 in encoder and decoder", {
		default: 0,
	})
	.option("--beta <weight>", `Weight of the commitment loss (default: ${codebookDefaults.beta})`)
	.option("--decay <share>", `Of the codes' moving averages (default: ${codebookDefaults.decay})`)
	.option("--dead-below <share>", "Renew codes used less than this share of the mean (default 0.1; loss: 0)")
	.option(
		"--similarity <measure>",
		`Of latents and codes: ${similarities.join(" or ")} (default: ${codebookDefaults.similarity})`,
	)
	.option(
		"--gradient <way>",
		`Through the quantizer: ${gradients.join(" or ")} (default: ${codebookDefaults.gradient})`,
	)
	.option("--levels <numbers>", "residual: how many codebooks (default 2); fsq: values a dimension (default 8,4,4)")
	.option("--seed <number>", "Of weights, order and digits", { default: 0 })
	.option("--out <folder>", "Where to write (default: runs/NAME)")
	.option("--adapter <name>", adapterHelp)
	.action((options: Options) =>
		train({
			data: text(options, "data") ?? "digits",
			images: options.images === undefined ? undefined : number(options, "images", 1),
			epochs: number(options, "epochs", 1),
			batch: number(options, "batch", 1),
			lr: number(options, "lr", 0, false),
			schedule: oneOf(options, "schedule", schedules),
			...quantizer(options),
			hidden: number(options, "hidden", 2),
			residualLayers: residualLayers(options),
			out: text(options, "out"),
			adapter: adapter(options),
		}),
	);

/** One number for encoder and decoder, or one for each. */
function residualLayers(options: Options): [number, number] {
	const [encoder = 0, decoder = encoder, ...more] = numbers(options, "residual-layers", 0);
	if (more.length > 0)
		throw new ArgumentError(
			`--residual-layers takes one number, or one for the encoder and one for the decoder, not ${text(options, "residual-layers")}.`,
		);
	return [encoder, decoder];
}

function quantizer(given: Options): QuantizerOptions {
	const kind = oneOf(given, "quantizer", quantizerKinds);
	refuseWithoutEffect(given, kind);
	const options = { ...codebookDefaults, ...given };
	const levels = { residual: [2], fsq: [8, 4, 4], ema: [], loss: [] }[kind];
	const deadBelow = kind === "loss" ? 0 : 0.1;
	return {
		quantizer: kind,
		init: oneOf(options, "init", initialisations),
		codes: number(options, "codes", 1),
		dim: number(options, "dim", 1),
		beta: number(options, "beta", 0, false),
		decay: number(options, "decay", 0, false),
		deadBelow: options.deadBelow === undefined ? deadBelow : number(options, "dead-below", 0, false),
		similarity: oneOf(options, "similarity", similarities),
		gradient: oneOf(options, "gradient", gradients),
		levels: given.levels === undefined ? levels : numbers(given, "levels"),
		seed: number(options, "seed", 0, true, 2 ** 31 - 1),
	};
}

/** @throws ArgumentError where an option was given that this quantizer does not have. */
function refuseWithoutEffect(given: Options, kind: QuantizerOptions["quantizer"]): void {
	const none = { fsq: Object.keys(codebookDefaults), ema: ["levels"], loss: ["levels"], residual: [] }[kind];
	const found = none.find((name) => given[name] !== undefined);
	if (found === undefined) return;
	const option = found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
	throw new ArgumentError(
		kind === "fsq"
			? `--${option} has no effect with --quantizer fsq, which has no codebook: leave it out. Its codes are what --levels says.`
			: `--${option} has no effect with --quantizer ${kind}: leave it out, or take residual or fsq.`,
	);
}

cli
	.command("reconstruct <model> [...images]", "Encode and decode PNG images with a trained model")
	.option("--out <path>", "A .png for a grid of originals over reconstructions, or a folder", {
		default: "reconstructions.png",
	})
	.option("--adapter <name>", adapterHelp)
	.action((model: string, images: string[], options: Options) =>
		reconstruct(model, images, { out: text(options, "out") ?? "reconstructions.png", adapter: adapter(options) }),
	);

cli
	.command("train-prior <run>", "Train a prior on the codes of a run's images, in the folder of the run")
	.option("--images <count>", "How many training images to use (digits: to draw; default: as the run)")
	.option("--epochs <count>", "How often to go through them", { default: 10 })
	.option("--batch <count>", "Images a step", { default: 64 })
	.option("--lr <rate>", "Learning rate of Adam, which falls to zero along a cosine", { default: 4e-3 })
	.option("--channels <count>", "Of each of its two stacks", { default: 32 })
	.option("--layers <count>", "Gated layers", { default: 6 })
	.option("--kernel <size>", "Odd: each layer sees half of it further", { default: 3 })
	.option("--dropout <p>", "The share of hidden values that each step drops, against overfitting", { default: 0 })
	.option("--seed <number>", "Of weights, order, what is dropped, and samples", { default: 0 })
	.option("--adapter <name>", adapterHelp)
	.action((run: string, options: Options) =>
		trainPrior(run, {
			images: options.images === undefined ? undefined : number(options, "images", 1),
			epochs: number(options, "epochs", 1),
			batch: number(options, "batch", 1),
			lr: number(options, "lr", 0, false),
			channels: number(options, "channels", 1),
			layers: number(options, "layers", 1),
			kernel: number(options, "kernel", 3),
			dropout: number(options, "dropout", 0, false, 0.99),
			seed: number(options, "seed", 0, true, 2 ** 31 - 1),
			adapter: adapter(options),
		}),
	);

/** What `sample` and `complete` have in common. */
function drawing(options: Options) {
	return {
		count: number(options, "count", 1),
		label: options.class === undefined ? undefined : number(options, "class", 0),
		temperature: number(options, "temperature", 0, false),
		topK: options.topK === undefined ? undefined : number(options, "top-k", 1),
		seed: number(options, "seed", 0, true, 2 ** 31 - 1),
		adapter: adapter(options),
	};
}

cli
	.command("sample <run>", "Draw new images from the prior of a run")
	.option("--count <count>", "How many; without --class of each class", { default: 8 })
	.option("--class <label>", "Of which class, where the images had classes")
	.option("--temperature <number>", "Below 1 likelier codes, 0 the likeliest alone", { default: 1 })
	.option("--top-k <count>", "Draw among so many of the likeliest codes")
	.option("--seed <number>", "Of the random numbers", { default: 0 })
	.option("--out <path>", "Where to write the grid of images", { default: "samples.png" })
	.option("--adapter <name>", adapterHelp)
	.action((run: string, options: Options) => sample(run, { ...drawing(options), out: text(options, "out") ?? "" }));

cli
	.command("complete <run> [...images]", "Keep a part of PNG images and draw the rest from the prior of a run")
	.option("--keep <part>", `The half, or the middle, that is kept: ${keptParts.join(", ")}`, { default: "top" })
	.option("--count <count>", "Completions of each image", { default: 6 })
	.option("--class <label>", "Of which class they are (default: drawn too)")
	.option("--temperature <number>", "Below 1 likelier codes, 0 the likeliest alone", { default: 1 })
	.option("--top-k <count>", "Draw among so many of the likeliest codes")
	.option("--seed <number>", "Of the random numbers", { default: 0 })
	.option("--out <path>", "Where to write the grid: each image, what is kept, completions", {
		default: "completions.png",
	})
	.option("--adapter <name>", adapterHelp)
	.action((run: string, images: string[], options: Options) =>
		complete(run, images, {
			...drawing(options),
			keep: oneOf(options, "keep", keptParts),
			out: text(options, "out") ?? "",
		}),
	);

cli
	.command("summary <model>", "Print the table of a model's layers")
	.option("--height <pixels>", "Height of the image", { default: 28 })
	.option("--width <pixels>", "Width of the image", { default: 28 })
	.option("--adapter <name>", adapterHelp)
	.action((model: string, options: Options) =>
		printSummary(model, {
			height: number(options, "height", 4),
			width: number(options, "width", 4),
			adapter: adapter(options),
		}),
	);

cli
	.command("doctor", "Show the adapter: driver, limits, features, measured speed")
	.option("--adapter <name>", adapterHelp)
	.action((options: Options) => doctor({ adapter: adapter(options) }));

cli.help();
cli.version(version);

leaveOutDawnsLines();
try {
	cli.parse(process.argv, { run: false });
	if (cli.matchedCommand !== undefined) await cli.runMatchedCommand();
	else if (cli.options.help !== true && cli.options.version !== true) {
		cli.outputHelp();
		if (cli.args.length > 0) throw new ArgumentError(`There is no command "${cli.args[0]}".`);
	}
} catch (error) {
	const expected =
		error instanceof TesseraError ||
		(error as Error).name === "CACError" ||
		(error as NodeJS.ErrnoException).code !== undefined;
	process.stderr.write(`tessera: ${expected ? (error as Error).message : (error as Error).stack}\n`);
	process.exitCode = 1;
}
