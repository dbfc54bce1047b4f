import { adapterChoices } from "../adapters/open_device.js";
import { defaultMaxBad } from "../runs/data_options.js";
import { splits } from "../runs/image_list.js";
import type { Options } from "./options.js";

/** The range of an option that counts things. */
export const count = { kind: "number", value: "count", least: 1, whole: true } as const;

/** The range of a seed: a whole number below 2³¹. */
export const seed = { kind: "number", value: "number", least: 0, most: 2 ** 31 - 1, whole: true, default: 0 } as const;

export const adapter = {
	kind: "word",
	value: "name",
	words: adapterChoices,
	otherwise: "TESSERA_ADAPTER, else auto, the first that is available",
	help: "where to compute",
} as const;

export const classOption = { kind: "text", value: "class" } as const;

/** How codes are drawn from a prior. */
export const samplingOptions = {
	temperature: {
		kind: "number",
		value: "number",
		least: 0,
		default: 1,
		help: "divides the logits: below 1 likelier codes, at 0 only the likeliest",
	},
	topK: { ...count, otherwise: "all", help: "draw only among this many of the likeliest codes" },
	seed: { ...seed, help: "seed of the random numbers" },
} as const satisfies Options;

/** How a training is kept safe; see `RunControl`. */
export const controlOptions = {
	checkpointEvery: {
		kind: "text",
		value: "interval",
		default: "5m",
		help: "how often all that a training needs to continue is written: a number of steps, or a time such as 30s, 5m or 1h",
	},
	retry: {
		...count,
		value: "times",
		least: 0,
		default: 0,
		help: "how often to open the device again, and continue, if it is lost",
	},
} as const satisfies Options;

export const maxBad = {
	kind: "number",
	value: "share",
	least: 0,
	most: 1,
	default: defaultMaxBad,
	help: "share of the images that may be unreadable; they are left out",
} as const;

/** Which images are read, and how they are prepared. */
export const inputOptions = {
	split: { kind: "word", value: "part", words: splits, otherwise: "test", help: "which part of a data set to use" },
	size: {
		...count,
		value: "pixels",
		least: 4,
		divisibleBy: 4,
		otherwise: "as the run's images",
		help: "scale images so that their shorter side is this, and cut out the square in the middle",
	},
	maxBad,
} as const satisfies Options;

export const pairsOption = {
	kind: "text",
	value: "folder",
	otherwise: "none",
	help: "write originals and reconstructions as PNG files of the same names into two folders in this one",
} as const;

export const overwriteOption = { kind: "flag", help: "replace files that exist in the folder of --out" } as const;

export const runArgument = { help: "the folder of a run, or its model file" };
export const modelArgument = { help: "the folder of a run, or a model file" };
export const imagesArgument = {
	help: "images (PNG, JPEG, WebP, AVIF, GIF or TIFF), or folders that contain them at any depth",
	several: true,
} as const;
export const inputsArgument = {
	help: "images (PNG, JPEG, WebP, AVIF, GIF or TIFF), folders that contain them at any depth, IDX files, or the name of a data set",
	several: true,
} as const;
