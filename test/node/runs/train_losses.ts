import type { Gpu, ImageSet } from "tessera-gpu";
import { Trainer } from "tessera-gpu/vqvae";
import * as assert from "uvu/assert";
import { toNetwork } from "../../../src/node/images/pictures.js";
import { loadModel } from "../../../src/node/runs/load_model.js";
import type { StepLosses, StepRecord } from "../../../src/vqvae/trainer.js";

/** What a training of examples/pytorch/train_ddp.py and ours have in common. */
export interface LossSettings {
	readonly batch: number;
	readonly steps: number;
	readonly lr: number;
}

/** The losses that our trainer has, from the weights of a file, on the images in order. */
export async function trainLosses(
	gpu: Gpu,
	path: string,
	images: ImageSet,
	{ batch, steps, lr }: LossSettings,
): Promise<StepRecord[]> {
	const model = await loadModel(gpu, path);
	const trainer = new Trainer(model, { lr });
	const { count, channels, height, width, pixels } = images;
	const size = channels * height * width;
	const losses: StepLosses[] = [];
	for (let step = 0, first = 0; step < steps; step++) {
		const end = Math.min(first + batch, count);
		const part = toNetwork(pixels.subarray(first * size, end * size));
		losses.push(
			trainer.step(() => gpu.tensor(part, [part.length / size, channels, height, width]), { keepLosses: true }),
		);
		first = end === count ? 0 : end;
	}
	const records = await trainer.readLosses(losses);
	trainer.dispose();
	model.dispose();
	return records;
}

type LossNames = "loss" | "reconLoss" | "commitmentLoss" | "perplexity";

/**
 * Compares each number of each step.
 *
 * @returns the largest difference, relative to the expected number
 * @throws AssertionError if a difference is over 1e-4
 */
export function assertLossesAgree(
	actual: readonly Pick<StepRecord, LossNames>[],
	expected: readonly Pick<StepRecord, LossNames>[],
): number {
	assert.is(actual.length, expected.length, "steps");
	let largest = 0;
	for (const [step, row] of expected.entries())
		for (const name of ["loss", "reconLoss", "commitmentLoss", "perplexity"] as const) {
			const found = actual[step]?.[name] ?? Number.NaN;
			const difference = Math.abs(found - row[name]) / Math.max(row[name], Number.MIN_VALUE);
			assert.ok(difference < 1e-4, `${name} of step ${step + 1} is ${found}, expected ${row[name]}`);
			largest = Math.max(largest, difference);
		}
	return largest;
}
