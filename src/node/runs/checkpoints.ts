import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../../base/errors.js";
import { saveSafetensors } from "../../io/checkpoint.js";
import type { HostTensor } from "../../io/safetensors.js";
import type { AnyTensor } from "../../tensor/tensor.js";
import { fileError } from "../files.js";
import { warn } from "./output.js";
import type { RunFolder } from "./run_folder.js";
import { readSafetensors } from "./safetensors_file.js";

/** Where a training is. */
export interface Position {
	/** Steps taken. */
	readonly step: number;
	/** The epoch of the next step, counted from 1. */
	readonly epoch: number;
	/** How many batches of that epoch are done. */
	readonly batch: number;
	/** The lowest error on the held-out images so far; undefined before the first test. */
	readonly best: number | undefined;
	/** Of training before it, in seconds. */
	readonly seconds: number;
}

/** A training as it was saved. */
export interface Checkpoint {
	readonly path: string;
	readonly position: Position;
	readonly state: Readonly<Record<string, HostTensor>>;
}

/** So many of the newest checkpoints are kept, in case the last one cannot be read. */
const kept = 2;

function nameOf(prefix: string, step: number): string {
	return `${prefix}-${String(step).padStart(8, "0")}.safetensors`;
}

/** The checkpoints among the files of a folder, the newest first. */
function checkpointsAmong(names: readonly string[], prefix: string): string[] {
	const stepOf = (name: string) => Number(new RegExp(`^${prefix}-(\\d+)\\.safetensors$`).exec(name)?.[1] ?? -1);
	return names.filter((name) => stepOf(name) >= 0).sort((a, b) => stepOf(b) - stepOf(a));
}

/** Writes a checkpoint completely or not at all, then removes those that are no longer kept. */
export async function writeCheckpoint(
	folder: RunFolder,
	prefix: string,
	state: Record<string, AnyTensor>,
	position: Position,
): Promise<void> {
	const { step, epoch, batch, best, seconds } = position;
	const bytes = await saveSafetensors(state, { training: JSON.stringify({ step, epoch, batch, best, seconds }) });
	await folder.write(nameOf(prefix, step), bytes);
	for (const name of checkpointsAmong(await folder.names(), prefix).slice(kept)) await folder.remove(name);
}

/** Removes all checkpoints of a kind. */
export async function removeCheckpoints(folder: RunFolder, prefix: string): Promise<void> {
	for (const name of checkpointsAmong(await folder.names(), prefix)) await folder.remove(name);
}

/** The newest checkpoint that can be read; undefined if there is none. One that is damaged is reported and passed over. */
export async function newestCheckpoint(folder: string, prefix: string): Promise<Checkpoint | undefined> {
	const names = await readdir(folder).catch((error: unknown) => {
		throw fileError(folder, error, "listed");
	});
	for (const name of checkpointsAmong(names, prefix)) {
		const path = join(folder, name);
		try {
			const { tensors, metadata } = await readSafetensors(path);
			return { path, position: positionOf(path, metadata.training), state: tensors };
		} catch (error) {
			warn(`Passed over a checkpoint that cannot be used: ${(error as Error).message}`);
		}
	}
	return undefined;
}

function positionOf(path: string, text: string | undefined): Position {
	const damaged = () => new FormatError(`"${path}": its metadata does not say where the training was.`);
	if (text === undefined) throw damaged();
	let found: Partial<Position> | null;
	try {
		found = JSON.parse(text);
	} catch {
		throw damaged();
	}
	const { step, epoch, batch, best, seconds } = found ?? {};
	const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
	if (!isCount(step) || !isCount(epoch) || !isCount(batch) || typeof seconds !== "number") throw damaged();
	return { step, epoch, batch, best: typeof best === "number" ? best : undefined, seconds };
}
