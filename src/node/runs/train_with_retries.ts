import { ArgumentError, DeviceLostError } from "../../base/errors.js";
import type { Gpu } from "../../tensor/tensor.js";
import { type AdapterChoice, openDevice } from "../adapters/open_device.js";
import { plural } from "../plural.js";
import { type Checkpoint, newestCheckpoint } from "./checkpoints.js";
import type { Interval } from "./interval.js";
import { showsProgress, warn } from "./output.js";
import type { Phases } from "./phases.js";
import type { RunFolder } from "./run_folder.js";
import type { StepRow, TestNumbers, Training } from "./training.js";
import { runTraining } from "./training_loop.js";

/** What does not decide the result of a training. */
export interface RunControl {
	readonly adapter: AdapterChoice | undefined;
	/** Between two checkpoints. */
	readonly checkpointEvery: Interval;
	/** How often a device that is lost is opened again. */
	readonly retry: number;
}

/** A training on a device, with the folder that it writes to. */
export interface Started<Losses, Row extends StepRow, Numbers extends TestNumbers> {
	readonly training: Training<Losses, Row, Numbers>;
	readonly folder: RunFolder;
}

/**
 * Trains; if the device is lost, opens another one and continues from the newest checkpoint.
 *
 * @param command that continues the training, without the folder, for messages
 * @param first where the training continues
 * @param start makes the training on a device
 * @throws DeviceLostError if it was lost more often than `retry` says
 */
export async function trainWithRetries<Losses, Row extends StepRow, Numbers extends TestNumbers>(
	command: string,
	options: { readonly epochs: number; readonly batch: number },
	control: RunControl,
	phases: Phases,
	first: Checkpoint | undefined,
	start: (gpu: Gpu) => Promise<Started<Losses, Row, Numbers>>,
): Promise<void> {
	let checkpoint = first;
	const { checkpointEvery, retry } = control;
	for (let attempt = 0; ; attempt++) {
		const gpu = await phases.time("opening the device", () => openControlled(control));
		let started: Started<Losses, Row, Numbers> | undefined;
		try {
			started = await start(gpu);
			const { training, folder } = started;
			await runTraining(training, folder, { ...options, checkpointEvery, checkpoint }, phases);
			gpu.dispose();
			return;
		} catch (error) {
			if (!(error instanceof DeviceLostError) || started === undefined) throw error;
			const { folder, training } = started;
			if (attempt === retry)
				throw new DeviceLostError(
					`${error.message} Continue with \`${command} ${folder.path}\`; with --retry 3 it continues by itself.`,
				);
			warn(`${error.message} Opening it again, ${attempt + 1} of ${plural(retry, "time")}.`);
			checkpoint = await newestCheckpoint(folder.path, training.files.checkpoint);
		}
	}
}

function openControlled({ adapter }: RunControl): Promise<Gpu> {
	return openDevice({ adapter, announce: showsProgress() });
}

/** @throws ArgumentError if a training that continues has had its epochs already */
export function checkEpochs(caller: string, run: string, checkpoint: Checkpoint | undefined, epochs: number): void {
	if (checkpoint === undefined || checkpoint.position.epoch <= epochs) return;
	throw new ArgumentError(
		`${caller}: the training in "${run}" has had its ${plural(epochs, "epoch")}: give --epochs ${epochs + 1} or more to go on.`,
	);
}
