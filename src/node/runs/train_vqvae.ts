import { basename, resolve } from "node:path";
import { DataError } from "../../base/errors.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import { VQVAE } from "../../vqvae/vqvae.js";
import { isNamed } from "../datasets/datasets.js";
import { plural } from "../plural.js";
import { newestCheckpoint } from "./checkpoints.js";
import { cacheFolderOf, checkUnchanged, dataOptionsOf } from "./continue_run.js";
import { print, warn } from "./output.js";
import { Phases } from "./phases.js";
import { quantizerForModel } from "./quantizer_options.js";
import { readRunConfig } from "./run_config.js";
import { checkFree, RunFolder } from "./run_folder.js";
import { openRunSources, type RunSources, varianceOf } from "./run_sources.js";
import { checkBatch, checkModelSizes } from "./size_limits.js";
import { type GivenTrainOptions, type TrainOptions, withDefaults } from "./train_options.js";
import { checkEpochs, type RunControl, trainWithRetries } from "./train_with_retries.js";
import { sizesOf, VQVAETraining } from "./vqvae_training.js";

const command = "tessera train --resume";

/** Trains a VQ-VAE and writes weights, metrics, pictures and a chart to a new folder. */
export async function trainVQVAE(
	given: GivenTrainOptions,
	{ out, overwrite }: { readonly out: string | undefined; readonly overwrite: boolean },
	control: RunControl,
): Promise<void> {
	const phases = new Phases();
	if (out !== undefined && !overwrite) await checkFree(out);
	const sources = await phases.time("reading images", () => openRunSources(given, cacheFolderOf(out ?? "runs/new")));
	let folder: RunFolder | undefined;
	try {
		const options = withDefaults(given, sources.train);
		const dataVariance = await varianceOrError(options, sources);
		const name = given.data === "digits" ? "digits" : basename(resolve(given.data));
		await trainWithRetries(command, options, control, phases, undefined, async (gpu) => {
			const model = makeModel(gpu, options, sources, dataVariance);
			if (folder === undefined) {
				folder = await RunFolder.create(name, out, overwrite);
				await folder.write("config.json", configText(options, given, sources, dataVariance, gpu));
				announce(options, sources, model);
			}
			return { training: new VQVAETraining(gpu, model, folder, options, sources), folder };
		});
	} finally {
		folder?.release();
		await sources.close();
	}
}

/** The options that may differ when a run continues. */
const changeable = ["epochs", "lr"] as const;

/**
 * Continues a run that has ended or was interrupted, from its newest checkpoint. The result has the same bits as without the
 * interruption.
 *
 * @param run the folder of the run
 * @param given the options that were given now
 * @throws ArgumentError naming the options that differ from those of the run, DataError if its images have changed
 */
export async function resumeVQVAE(
	run: string,
	given: Readonly<Partial<GivenTrainOptions>>,
	control: RunControl,
): Promise<void> {
	const phases = new Phases();
	const config = await readRunConfig(run);
	if (config.fingerprint === undefined)
		throw new DataError(
			`"${run}" has nothing to continue from: this version of \`tessera train\` did not write it. Start a new run.`,
		);
	const { data } = given;
	checkUnchanged("tessera train", config, data === undefined ? given : { ...given, data: dataOf(data) }, changeable);
	const before = config as unknown as TrainOptions;
	const options: TrainOptions = { ...before, epochs: given.epochs ?? before.epochs, lr: given.lr ?? before.lr };
	const folder = await RunFolder.open(run);
	try {
		const checkpoint = await newestCheckpoint(run, "checkpoint");
		checkEpochs("tessera train", run, checkpoint, options.epochs);
		const sources = await phases.time("reading images", () =>
			openRunSources(dataOptionsOf(config, options), cacheFolderOf(run)),
		);
		try {
			if (config.fingerprint !== sources.fingerprint)
				throw new DataError(
					`The images of "${config.data}" are not those that the run in "${run}" began with: start a new run, or restore them.`,
				);
			const dataVariance = await varianceOrError(options, sources);
			let isFirst = true;
			await trainWithRetries(command, options, control, phases, checkpoint, async (gpu) => {
				const model = makeModel(gpu, options, sources, dataVariance);
				if (isFirst) {
					const adapter = adapterOf(gpu);
					if (config.adapter !== adapter)
						warn(`The run began on ${config.adapter}; on ${adapter} its numbers differ in the last digits.`);
					await folder.write("config.json", `${JSON.stringify({ ...config, ...options }, undefined, "\t")}\n`);
					announce(options, sources, model);
				}
				isFirst = false;
				return { training: new VQVAETraining(gpu, model, folder, options, sources), folder };
			});
		} finally {
			await sources.close();
		}
	} finally {
		folder.release();
	}
}

function dataOf(data: string): string {
	return isNamed(data) ? data : resolve(data);
}

function adapterOf({ adapter }: Gpu): string {
	return adapter.description || adapter.device;
}

/** @throws DataError if the images have no contrast */
async function varianceOrError({ data }: TrainOptions, { train }: RunSources): Promise<number> {
	const variance = await varianceOf(train);
	if (variance === 0)
		throw new DataError(`The training images of "${data}" all have one and the same shade: choose other images.`);
	return variance;
}

/** @throws LimitError naming the option with which the model, the images or a batch do not fit the device */
function makeModel(gpu: Gpu, options: TrainOptions, { train }: RunSources, dataVariance: number): VQVAE<Quantizer> {
	checkModelSizes(gpu, options, train);
	const model = new VQVAE<Quantizer>(gpu, {
		...quantizerForModel(gpu, options),
		inChannels: train.channels,
		hiddenChannels: options.hidden,
		residualLayers: options.residualLayers,
		dataVariance,
		seed: options.seed,
	});
	checkBatch(gpu, model, train, options.batch);
	return model;
}

/** config.json: the options, and what is known of data, program and machine. */
function configText(
	options: TrainOptions,
	given: GivenTrainOptions,
	{ train, heldOut, heldOutName, classes, size, leftOut, fingerprint }: RunSources,
	dataVariance: number,
	gpu: Gpu,
): string {
	const config = {
		...options,
		data: dataOf(options.data),
		size,
		channels: train.channels,
		givenChannels: given.channels ?? null,
		height: train.height,
		width: train.width,
		trainImages: train.count,
		heldOut: heldOutName,
		heldOutImages: heldOut.count,
		leftOut,
		classes,
		dataVariance,
		fingerprint,
		version: TESSERA_VERSION,
		adapter: adapterOf(gpu),
		date: new Date().toISOString(),
	};
	return `${JSON.stringify(config, undefined, "\t")}\n`;
}

function announce(
	{ epochs, batch }: TrainOptions,
	{ train, heldOut, heldOutName, name }: RunSources,
	model: VQVAE<Quantizer>,
): void {
	const { codeCount, dimensions } = sizesOf(model);
	print(
		`Training on ${plural(train.count, "image")} of ${train.width} × ${train.height}, ${plural(train.channels, "channel")} (${name}), ${heldOutName === "test" ? "testing" : "validating"} on ${heldOut.count.toLocaleString("en-US")}; ` +
			`${plural(codeCount, "code")} of ${plural(dimensions, "number")}; ${plural(epochs, "epoch")} of batches of ${batch}; on ${adapterOf(model.vqLayer.gpu)}.`,
	);
}
