import { join } from "node:path";
import { ArgumentError, DataError } from "../../base/errors.js";
import { subset } from "../../data/image_set.js";
import type { Dataset } from "../datasets/dataset.js";
import { loadDataset } from "../datasets/datasets.js";
import { readFileIfThere } from "../files.js";
import { type Progress, startProgress } from "./progress.js";

/** With the other defaults of `tessera train`, a run takes about two minutes on SwiftShader and two cores. */
export const defaultDigits = 1024;
const testShareOfDigits = 4;
/** So many images of 28 × 28 bytes fill 2 GiB. */
const mostDigits = Math.floor(2 ** 31 / 784);

/** The data that a run was trained on, from its config.json. */
export interface RunData {
	readonly data: string;
	/** How many training images were used; for the built-in digits, how many were drawn. */
	readonly images?: number | undefined;
	readonly seed: number;
}

/**
 * Reads config.json of the folder of a run.
 *
 * @throws DataError if the folder is not that of a run
 */
export async function readRunData(run: string): Promise<RunData> {
	const path = join(run, "config.json");
	const bytes = await readFileIfThere(path);
	if (bytes === undefined)
		throw new DataError(
			`"${run}" was not written by \`tessera train\`: it has no config.json. Name the folder of a run.`,
		);
	let config: Partial<Record<string, unknown>> | null = null;
	try {
		config = JSON.parse(bytes.toString());
	} catch {
		// reported below, like JSON of another form
	}
	const { data, images, seed } = config ?? {};
	if (typeof data !== "string" || typeof seed !== "number" || (images !== undefined && typeof images !== "number"))
		throw new DataError(
			`"${path}" does not say on which data the model was trained: name the folder of a run of \`tessera train\`.`,
		);
	return { data, seed, ...(images === undefined ? {} : { images }) };
}

/**
 * The images that a run is trained and tested on; a bar shows what is downloaded or read.
 *
 * @throws DataError if there are fewer images than asked for, and the errors of `loadDataset`
 */
export async function loadRunData({ data, images, seed }: RunData): Promise<Dataset> {
	const drawn = images ?? defaultDigits;
	if (data === "digits" && drawn > mostDigits)
		throw new ArgumentError(
			`--images must be at most ${mostDigits} for digits, which are drawn into memory, but is ${drawn}.`,
		);
	let progress: { name: string; bar: Progress } | undefined;
	const show = (name: string, done: number, total: number, unit: string) => {
		if (progress?.name !== name) {
			progress?.bar.stop();
			progress = { name, bar: startProgress(name, total) };
		}
		progress.bar.update(done, unit);
	};
	const { train, test } = await loadDataset(data, {
		digits: { train: drawn, test: Math.ceil(drawn / testShareOfDigits), seed },
		onProgress: (file, received, total) => show(file, received, total ?? 0, "bytes"),
		onRead: (folder, done, total) => show(`reading ${folder}`, done, total, "files"),
	}).finally(() => progress?.bar.stop());
	if (images !== undefined && images > train.count)
		throw new DataError(
			`--images must be at most ${train.count} for "${data}", which has so many training images, but is ${images}.`,
		);
	return { train: subset(train, 0, images ?? train.count), test };
}
