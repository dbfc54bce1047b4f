import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { readFileIfThere } from "../files.js";
import type { Preparation } from "../images/prepare_image.js";
import { type DataOptions, defaultBackground } from "./data_options.js";

/**
 * What config.json says of a run: the options of its training, and what is known of its data. Runs of earlier versions have fewer
 * entries.
 */
export interface RunConfig extends DataOptions, Readonly<Record<string, unknown>> {
	/** Of the images as the model takes them. */
	readonly channels?: number | undefined;
	readonly height?: number | undefined;
	readonly width?: number | undefined;
	/** The names of the classes, by label. */
	readonly classes?: readonly string[] | undefined;
	/** The variance of the training images' values, 0 … 1. */
	readonly dataVariance?: number | undefined;
}

/**
 * Reads config.json of the folder of a run.
 *
 * @throws DataError if the folder is not that of a run
 */
export async function readRunConfig(run: string): Promise<RunConfig> {
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
		// Reported below, like JSON of another form.
	}
	const { data, seed } = config ?? {};
	const wrong = Object.entries(optionalEntries).find(
		([name, isRight]) => config?.[name] !== undefined && !isRight(config[name]),
	);
	if (typeof data !== "string" || typeof seed !== "number" || wrong !== undefined)
		throw new DataError(
			`"${path}" does not say on which data the model was trained${wrong === undefined ? "" : ` (its ${wrong[0]} is not what \`tessera train\` writes)`}: name the folder of a run of \`tessera train\`.`,
		);
	return config as unknown as RunConfig;
}

const isNumber = (value: unknown): boolean => typeof value === "number";
const isText = (value: unknown): boolean => typeof value === "string";

const optionalEntries: Readonly<Record<string, (value: unknown) => boolean>> = {
	images: isNumber,
	size: isNumber,
	channels: isNumber,
	height: isNumber,
	width: isNumber,
	validation: isNumber,
	maxBad: isNumber,
	dataVariance: isNumber,
	background: isText,
	crop: isText,
	flip: (value) => typeof value === "boolean",
	classes: (value) => Array.isArray(value) && value.every(isText),
};

/** How other images are prepared for the model of a run. */
export function preparationOf({ size, channels, background = defaultBackground }: RunConfig): Preparation {
	return { size, channels: channels === 3 ? 3 : 1, background };
}
