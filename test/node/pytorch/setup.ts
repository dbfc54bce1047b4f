import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageSet, subset } from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import * as assert from "uvu/assert";
import { imageGrid } from "../../../src/node/images/image_grid.js";
import type { StepRecord } from "../../../src/vqvae/trainer.js";
import { runTessera } from "../cli/command_line.js";
import type { Outcome } from "./python.js";

/** Of two processes the first has 2 and the second 3 images of an epoch's last batch. */
export const images = generateDigits(45, 3);

/**
 * Makes a folder with the images as `images.idx`, in `digits/` by MNIST's name, and as PNG files in `pictures/`.
 *
 * @returns its path
 */
export async function makeFolder(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "tessera-pytorch-"));
	await writeFile(join(folder, "images.idx"), idx(images));
	await mkdir(join(folder, "digits"));
	await writeFile(join(folder, "digits", "train-images-idx3-ubyte"), idx(images));
	await mkdir(join(folder, "pictures"));
	const { channels, height, width } = images;
	for (let i = 0; i < images.count; i++) {
		const { pixels } = subset(images, i, i + 1);
		const png = imageGrid({ images: pixels, count: 1, channels, height, width, columns: 1, scale: 1, gap: 0 });
		await writeFile(join(folder, "pictures", `${String(i).padStart(3, "0")}.png`), png);
	}
	return folder;
}

/** Trains a small model for 8 steps, with `tessera train`, into a subfolder. */
export async function train(folder: string, name: string, options: readonly string[]): Promise<void> {
	const sizes = ["--hidden", "8", ...(options.includes("fsq") ? [] : ["--codes", "16", "--dim", "4"])];
	const few = ["--images", "64", "--batch", "8", "--epochs", "1"];
	const { code, errors } = await runTessera(folder, ["train", ...few, ...sizes, ...options, "--out", name]);
	assert.is(code, 0, errors);
}

/** The steps in the metrics of a run. */
export async function stepsOf(run: string): Promise<StepRecord[]> {
	const lines = (await readFile(join(run, "metrics.jsonl"), "utf8")).trim().split("\n");
	return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "step");
}

/** @throws AssertionError with what the program printed, if it failed */
export function succeeded(outcome: Outcome): Outcome {
	assert.is(outcome.code, 0, outcome.errors);
	return outcome;
}

function idx({ count, height, width, pixels }: ImageSet): Uint8Array {
	const header = new DataView(new ArrayBuffer(16));
	for (const [i, value] of [0x0803, count, height, width].entries()) header.setUint32(4 * i, value);
	return Buffer.concat([new Uint8Array(header.buffer), pixels]);
}
