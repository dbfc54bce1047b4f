// The settings that determine a run. A link holds all of them, so it reproduces the run.

/** The names and values are those of `tessera train`, so that the command line reads the downloaded model. */
export interface Settings {
	/** "digits": drawn by the library. "own": the user's images, which a link does not hold. */
	readonly data: "digits" | "own";
	/** How many training images. */
	readonly images: number;
	/** How codes are learnt: as moving averages, by gradient, as several codebooks; or rounding without a codebook. */
	readonly quantizer: "ema" | "loss" | "residual" | "fsq";
	/** K, the number of codes. */
	readonly codes: number;
	/** D, the length of a code. */
	readonly dim: number;
	/** How many codebooks a residual quantizer has: one number. How many values each dimension of FSQ has: D numbers. */
	readonly levels: readonly number[];
	readonly init: "normal" | "uniform" | "data" | "kmeans";
	/** γ of the moving averages. */
	readonly decay: number;
	/** A code whose average use is below this share of the mean is re-initialised; 0: none is. */
	readonly deadBelow: number;
	/** β, the weight of the commitment loss. */
	readonly beta: number;
	readonly gradient: "straight-through" | "rotation";
	readonly similarity: "euclidean" | "cosine";
	/** Channels of the inner layers; an odd number is rounded up, because the encoder's first layer has half of them. */
	readonly hidden: number;
	readonly batch: number;
	/** The learning rate of the first steps; see `learningRate`. */
	readonly lr: number;
	readonly seed: number;
}

export const defaultSettings: Settings = {
	data: "digits",
	images: 2048,
	quantizer: "ema",
	codes: 128,
	dim: 16,
	levels: [2],
	init: "kmeans",
	decay: 0.5,
	deadBelow: 0.1,
	beta: 0.25,
	gradient: "straight-through",
	similarity: "euclidean",
	hidden: 64,
	batch: 16,
	lr: 6e-3,
	seed: 0,
};

export type SettingName = keyof Settings;

/** What a setting accepts. */
export type Field =
	| { readonly kind: "choice"; readonly values: readonly string[] }
	| { readonly kind: "number"; readonly least: number; readonly most: number; readonly whole: boolean }
	| { readonly kind: "levels" };

const whole = (least: number, most: number): Field => ({ kind: "number", least, most, whole: true });
const real = (least: number, most: number): Field => ({ kind: "number", least, most, whole: false });

export const fields: Readonly<Record<SettingName, Field>> = {
	data: { kind: "choice", values: ["digits", "own"] },
	images: whole(4, 60_000),
	quantizer: { kind: "choice", values: ["ema", "loss", "residual", "fsq"] },
	codes: whole(2, 4096),
	dim: whole(1, 256),
	levels: { kind: "levels" },
	init: { kind: "choice", values: ["normal", "uniform", "data", "kmeans"] },
	decay: real(0, 0.9999),
	deadBelow: real(0, 0.99),
	beta: real(0, 10),
	gradient: { kind: "choice", values: ["straight-through", "rotation"] },
	similarity: { kind: "choice", values: ["euclidean", "cosine"] },
	hidden: whole(2, 256),
	batch: whole(1, 512),
	lr: real(1e-6, 1),
	seed: whole(0, 2 ** 31 - 1),
};

/** The value that a text gives a setting; undefined if the setting does not accept it. */
export function parseSetting(name: SettingName, text: string): Settings[SettingName] | undefined {
	const field = fields[name];
	if (field.kind === "choice") return field.values.includes(text) ? (text as Settings[SettingName]) : undefined;
	if (field.kind === "levels") {
		const levels = text.split(",").map(Number);
		return levels.length <= 8 && levels.every((level) => Number.isInteger(level) && level >= 1 && level <= 64)
			? levels
			: undefined;
	}
	const value = Number(text);
	if (text.trim() === "" || !(value >= field.least && value <= field.most)) return undefined;
	return field.whole && !Number.isInteger(value) ? undefined : value;
}

/** What a setting accepts, in words. */
export function accepted(name: SettingName): string {
	const field = fields[name];
	if (field.kind === "choice") return field.values.join(", ");
	if (field.kind === "levels") return "one to eight whole numbers from 1 to 64, with commas between them";
	return `a ${field.whole ? "whole " : ""}number from ${field.least} to ${field.most}`;
}

/**
 * Settings that do not fit together, in words; undefined if they do.
 */
export function conflict(settings: Settings): string | undefined {
	const { quantizer, levels, images, batch } = settings;
	if (batch > images) return `The batch of ${batch} images is larger than the training set of ${images}.`;
	if (quantizer === "residual" && (levels.length !== 1 || (levels[0] as number) > 8))
		return "A residual quantizer has one number of levels, 1 to 8.";
	if (quantizer === "fsq") {
		if (levels.some((level) => level < 2)) return "Each dimension of FSQ has at least two levels.";
		if (levels.reduce((product, level) => product * level, 1) > 4096)
			return "FSQ has more than 4096 codes: the product of its levels is too large to show.";
	}
	return undefined;
}

/** How many indices each position has. */
export function levelsOf({ quantizer, levels }: Settings): number {
	return quantizer === "residual" ? (levels[0] as number) : 1;
}

/** How many values an index can have. */
export function codesOf({ quantizer, levels, codes }: Settings): number {
	return quantizer === "fsq" ? levels.reduce((product, level) => product * level, 1) : codes;
}

/**
 * The learning rate of a step, counted from 0: constant for 300 steps, then falling as 1/step. A training that goes on until
 * someone stops it has no last step to which a cosine could fall.
 */
export function learningRate({ lr }: Settings, step: number): number {
	return lr * Math.min(1, 300 / Math.max(1, step));
}

/** The settings in which two runs differ. */
export function differences(a: Settings, b: Settings): SettingName[] {
	return (Object.keys(fields) as SettingName[]).filter((name) => String(a[name]) !== String(b[name]));
}

/** The settings with one of them changed; a quantizer whose `levels` mean something else gets usual ones. */
export function withSetting<Name extends SettingName>(
	settings: Settings,
	name: Name,
	value: Settings[SettingName],
): Settings {
	const changed = { ...settings, [name]: value };
	if (name !== "quantizer" || value === settings.quantizer) return changed;
	if (value === "fsq") return { ...changed, levels: [8, 4, 4] };
	return value === "residual" ? { ...changed, levels: [2] } : changed;
}

/** The settings that differ from the defaults, as the query of a link. */
export function toQuery(settings: Settings): string {
	const query = new URLSearchParams();
	for (const name of Object.keys(fields) as SettingName[]) {
		const text = String(settings[name]);
		if (text !== String(defaultSettings[name])) query.set(name, text);
	}
	return query.toString().replaceAll("%2C", ",");
}

/** The settings of a link, and what it says that no setting accepts. */
export function fromQuery(query: string): { readonly settings: Settings; readonly wrong: readonly string[] } {
	const settings: Record<string, unknown> = { ...defaultSettings };
	const wrong: string[] = [];
	for (const [name, text] of new URLSearchParams(query)) {
		if (!(name in fields)) continue; // other parts of the page have entries of their own
		const value = parseSetting(name as SettingName, text);
		if (value === undefined) wrong.push(`${name} is "${text}", but must be ${accepted(name as SettingName)}`);
		else settings[name] = value;
	}
	const read = settings as unknown as Settings;
	const contradiction = conflict(read);
	if (contradiction === undefined) return { settings: read, wrong };
	return { settings: defaultSettings, wrong: [...wrong, contradiction] };
}
