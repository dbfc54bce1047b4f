import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceLostError, type Gpu, OutOfMemoryError } from "tessera-gpu";
import { type StepLosses, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setOutputMode } from "../../../src/node/runs/output.js";
import { Phases } from "../../../src/node/runs/phases.js";
import { quantizerForModel } from "../../../src/node/runs/quantizer_options.js";
import { RunFolder } from "../../../src/node/runs/run_folder.js";
import { openRunSources } from "../../../src/node/runs/run_sources.js";
import { type GivenTrainOptions, withDefaults } from "../../../src/node/runs/train_options.js";
import { trainWithRetries } from "../../../src/node/runs/train_with_retries.js";
import { VQVAETraining } from "../../../src/node/runs/vqvae_training.js";
import { hashOf, rowsOf } from "./killed_runs.js";

const test = suite<{ folder: string }>("a device that is lost");

test.before(() => setOutputMode("quiet"));
test.after(() => setOutputMode("text"));

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-lost-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true, force: true });
});

const given: GivenTrainOptions = {
	data: "digits",
	images: 64,
	epochs: 2,
	batch: 8,
	codes: 12,
	dim: 4,
	hidden: 8,
	residualLayers: [0, 0],
	lr: 0.006,
	schedule: "cosine",
	warmUp: 0,
	quantizer: "ema",
	init: "kmeans",
	beta: 0.25,
	decay: 0.5,
	deadBelow: 0.5,
	similarity: "euclidean",
	gradient: "straight-through",
	levels: [],
	seed: 0,
};

/** Loses its device when the losses of a step after this one are read. */
class Losing extends VQVAETraining {
	losesAfter = Number.POSITIVE_INFINITY;

	override async readLosses(steps: readonly StepLosses[]) {
		const rows = await super.readLosses(steps);
		if ((rows.at(-1)?.step ?? 0) > this.losesAfter) {
			this.losesAfter = Number.POSITIVE_INFINITY;
			this.gpu.device.destroy();
			await this.gpu.device.lost;
		}
		return rows;
	}
}

/** @param lossesAfter for each device the step after which it is lost */
async function train(path: string, retry: number, lossesAfter: readonly number[]): Promise<number> {
	const sources = await openRunSources(given, path);
	const options = withDefaults(given, sources.train);
	const folder = await RunFolder.create("run", path, false);
	let devices = 0;
	const start = async (gpu: Gpu) => {
		const model = new VQVAE(gpu, { ...quantizerForModel(gpu, options), inChannels: 1, hiddenChannels: 8 });
		const training = new Losing(gpu, model, folder, options, sources);
		training.losesAfter = lossesAfter[devices++] ?? Number.POSITIVE_INFINITY;
		return { training, folder };
	};
	const control = { adapter: undefined, checkpointEvery: { steps: 3 }, retry };
	try {
		await trainWithRetries("tessera train --resume", options, control, new Phases(), undefined, start);
	} finally {
		folder.release();
	}
	return devices;
}

test("with --retry a training opens another one, and has the bits of one that kept its device", async ({ folder }) => {
	assert.is(await train(join(folder, "whole"), 0, []), 1);
	assert.is(await train(join(folder, "lost"), 2, [4, 9]), 3);
	for (const file of ["model.safetensors", "best.safetensors"])
		assert.is(await hashOf(join(folder, "lost", file)), await hashOf(join(folder, "whole", file)), file);
	assert.equal(
		await rowsOf(join(folder, "lost", "metrics.jsonl")),
		await rowsOf(join(folder, "whole", "metrics.jsonl")),
	);
});

test("a device that runs out of memory: the message says which batch to try", async ({ folder }) => {
	class Full extends VQVAETraining {
		override readLosses(): Promise<never> {
			return Promise.reject(new OutOfMemoryError("The GPU is out of memory."));
		}
	}
	const sources = await openRunSources(given, folder);
	const options = withDefaults(given, sources.train);
	const run = await RunFolder.create("run", join(folder, "full"), false);
	const start = async (gpu: Gpu) => {
		const model = new VQVAE(gpu, { ...quantizerForModel(gpu, options), inChannels: 1, hiddenChannels: 8 });
		return { training: new Full(gpu, model, run, options, sources), folder: run };
	};
	const control = { adapter: undefined, checkpointEvery: {}, retry: 0 };
	const error = await trainWithRetries("", options, control, new Phases(), undefined, start).catch(
		(reason: unknown) => reason,
	);
	run.release();
	assert.instance(error, OutOfMemoryError);
	assert.match((error as Error).message, "With --batch 8 the training does not fit the device's memory: try --batch 4");
});

test("without it the message says how to continue", async ({ folder }) => {
	const path = join(folder, "lost");
	const error = await train(path, 1, [2, 2]).catch((reason: unknown) => reason);
	assert.instance(error, DeviceLostError);
	assert.match((error as Error).message, `Continue with \`tessera train --resume ${path}\`; with --retry 3`);
});

test.run();
