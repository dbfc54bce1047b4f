import type { Command } from "commander";
import { ArgumentError } from "../../../base/errors.js";
import { adapter, type Options, text, whole } from "../arguments.js";
import { doctor } from "../commands/doctor.js";
import { reconstruct } from "../commands/reconstruct.js";
import { printSummary } from "../commands/summary.js";
import { adapterOption, addExamples, addOptions } from "./define.js";

const modelArgument = "the folder of a run, or a model file";

export function defineReconstruct(program: Command): void {
	const command = program
		.command("reconstruct")
		.argument("<model>", modelArgument)
		.argument("[images...]", "PNG images, or folders of them")
		.summary("Encode and decode images with a trained model")
		.description("Encode and decode PNG images with a trained model, and print the error of each.");
	addOptions(command, [
		["--out <path>", "a .png for a grid of originals over reconstructions, or a folder", "reconstructions.png"],
		adapterOption,
	]);
	addExamples(
		command,
		"tessera reconstruct runs/digits a.png b.png",
		"tessera reconstruct runs/photos photos/ --out out/",
	);
	command.action((model: string, images: string[], options: Options) =>
		reconstruct(model, images, { out: text(options, "out") ?? "", adapter: adapter(options) }),
	);
}

export function defineSummary(program: Command): void {
	const command = program
		.command("summary")
		.argument("<model>", modelArgument)
		.summary("Print the table of a model's layers")
		.description("Print the table of a model's layers, with the size of each one's output for one image.");
	addOptions(command, [
		["--width <pixels>", "width of the image, divisible by 4", 28],
		["--height <pixels>", "height of the image, divisible by 4", 28],
		adapterOption,
	]);
	addExamples(command, "tessera summary runs/digits", "tessera summary model.safetensors --width 64 --height 64");
	command.action((model: string, options: Options) =>
		printSummary(model, {
			height: pixels(options, "height"),
			width: pixels(options, "width"),
			adapter: adapter(options),
		}),
	);
}

function pixels(options: Options, name: "height" | "width"): number {
	const count = whole(options, name, 4);
	if (count % 4 !== 0) throw new ArgumentError(`tessera: --${name} must be divisible by 4, but is ${count}.`);
	return count;
}

export function defineDoctor(program: Command): void {
	const command = program
		.command("doctor")
		.summary("Show the adapter: driver, limits, features, measured speed")
		.description("Show the adapter that computes: driver, limits, features, measured speed.");
	addOptions(command, [adapterOption]);
	addExamples(command, "tessera doctor", "tessera doctor --adapter swiftshader");
	command.action((options: Options) => doctor({ adapter: adapter(options) }));
}
