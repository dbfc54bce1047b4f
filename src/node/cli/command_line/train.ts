import type { Command } from "commander";
import { ArgumentError } from "../../../base/errors.js";
import {
	gradients,
	initialisations,
	type QuantizerOptions,
	quantizerKinds,
	similarities,
} from "../../runs/quantizer_options.js";
import { adapter, number, numbers, type Options, oneOf, optionalWhole, seed, text, whole } from "../arguments.js";
import { defaultLearningRate, schedules, train } from "../commands/train.js";
import { adapterOption, addExamples, addOptions } from "./define.js";

/** What describes a codebook. Not given to the parser, which would hide what was said and what was not. */
const codebookDefaults = {
	init: "kmeans",
	codes: "128",
	dim: "16",
	beta: "0.25",
	decay: "0.5",
	deadBelow: undefined,
	similarity: "euclidean",
	gradient: "straight-through",
};

export function defineTrain(program: Command): void {
	const command = program
		.command("train")
		.summary("Train a VQ-VAE")
		.description(
			"Train a VQ-VAE. Weights, metrics, pictures and a chart go to a folder under runs/. Ctrl-C ends it and keeps what there is.",
		);
	addOptions(command, [
		[
			"--data <source>",
			"digits (drawn by the program), mnist, fashion-mnist, or a folder of IDX or PNG files",
			"digits",
		],
		["--images <count>", "how many training images to use (digits: to draw; default 1024)"],
		["--epochs <count>", "how often to go through them", 3],
		["--batch <count>", "images a step", 16],
		["--lr <rate>", "learning rate of Adam", defaultLearningRate],
		["--schedule <how>", `of the learning rate: ${schedules.join(" or ")}`, "cosine"],
		["--quantizer <kind>", `how codes are learnt: ${quantizerKinds.join(", ")}`, "ema"],
		["--init <method>", `first codes: ${initialisations.join(", ")} (default: ${codebookDefaults.init})`],
		["--codes <K>", `codes in the codebook (default: ${codebookDefaults.codes})`],
		["--dim <D>", `length of a code (default: ${codebookDefaults.dim})`],
		["--hidden <channels>", "channels of the network's inner layers, even", 64],
		["--residual-layers <counts>", "residual blocks in both halves, or as 0,2 in encoder and decoder", 0],
		["--beta <weight>", `weight of the commitment loss (default: ${codebookDefaults.beta})`],
		["--decay <share>", `of the codes' moving averages (default: ${codebookDefaults.decay})`],
		["--dead-below <share>", "renew codes used less than this share of the mean (default: 0.1; loss: 0)"],
		[
			"--similarity <measure>",
			`of latents and codes: ${similarities.join(" or ")} (default: ${codebookDefaults.similarity})`,
		],
		["--gradient <method>", `through the quantizer: ${gradients.join(" or ")} (default: ${codebookDefaults.gradient})`],
		["--levels <numbers>", "residual: how many codebooks (default 2); fsq: values a dimension (default 8,4,4)"],
		["--seed <number>", "of weights, order and digits", 0],
		["--out <folder>", "where to write (default: runs/NAME)"],
		["--overwrite", "remove the run that --out holds"],
		adapterOption,
	]);
	addExamples(command, "tessera train", "tessera train --data mnist --batch 128 --epochs 5 --out runs/mnist");
	command.action((options: Options) =>
		train({
			data: text(options, "data") ?? "digits",
			images: optionalWhole(options, "images", 1),
			epochs: whole(options, "epochs", 1),
			batch: whole(options, "batch", 1),
			lr: number(options, "lr", { least: 0 }),
			schedule: oneOf(options, "schedule", schedules),
			...quantizer(options),
			hidden: hidden(options),
			residualLayers: residualLayers(options),
			out: text(options, "out"),
			overwrite: options.overwrite === true,
			adapter: adapter(options),
		}),
	);
}

function hidden(options: Options): number {
	const channels = whole(options, "hidden", 2);
	if (channels % 2 !== 0) throw new ArgumentError(`tessera: --hidden must be even, but is ${channels}.`);
	return channels;
}

/** One number for encoder and decoder, or one for each. */
function residualLayers(options: Options): [number, number] {
	const [encoder = 0, decoder = encoder, ...more] = numbers(options, "residual-layers", 0);
	if (more.length > 0)
		throw new ArgumentError(
			`tessera: --residual-layers takes one number, or one for the encoder and one for the decoder, not ${text(options, "residual-layers")}.`,
		);
	return [encoder, decoder];
}

/** @throws ArgumentError where an option was given that this quantizer does not have, or is out of range */
function quantizer(given: Options): QuantizerOptions {
	const kind = oneOf(given, "quantizer", quantizerKinds);
	refuseWithoutEffect(given, kind);
	const options: Options = { ...codebookDefaults, ...given };
	return {
		quantizer: kind,
		init: oneOf(options, "init", initialisations),
		codes: whole(options, "codes", 1),
		dim: whole(options, "dim", 1),
		beta: number(options, "beta", { least: 0 }),
		decay: number(options, "decay", { least: 0, below: 1 }),
		deadBelow: options.deadBelow === undefined ? (kind === "loss" ? 0 : 0.1) : deadBelow(options),
		similarity: oneOf(options, "similarity", similarities),
		gradient: oneOf(options, "gradient", gradients),
		levels: levels(options, kind),
		seed: seed(options),
	};
}

function deadBelow(options: Options): number {
	return number(options, "dead-below", { least: 0, most: 1 });
}

function levels(options: Options, kind: QuantizerOptions["quantizer"]): number[] {
	if (options.levels === undefined) return { residual: [2], fsq: [8, 4, 4], ema: [], loss: [] }[kind];
	const list = numbers(options, "levels", kind === "fsq" ? 2 : 1);
	if (kind === "residual" && list.length > 1)
		throw new ArgumentError(`tessera: --levels of a residual quantizer is one number, but is ${list.join(",")}.`);
	return list;
}

/** @throws ArgumentError where an option was given that this quantizer does not have. */
function refuseWithoutEffect(given: Options, kind: QuantizerOptions["quantizer"]): void {
	const none = { fsq: Object.keys(codebookDefaults), ema: ["levels"], loss: ["levels"], residual: [] }[kind];
	const found = none.find((name) => given[name] !== undefined);
	if (found === undefined) return;
	const option = found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
	throw new ArgumentError(
		kind === "fsq"
			? `tessera: --${option} has no effect with --quantizer fsq, which has no codebook: leave it out. Its codes are what --levels says.`
			: `tessera: --${option} has no effect with --quantizer ${kind}: leave it out, or take residual or fsq.`,
	);
}
