import { isPlainObject } from "../../base/arguments.js";
import type { ModelPictures } from "./report_types.js";

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === "number";
const isLabel: Check = (value) => value === undefined || isNumber(value);

function has(entries: Readonly<Record<string, Check>>): Check {
	return (value) => isPlainObject(value) && Object.entries(entries).every(([name, check]) => check(value[name]));
}

function listOf(check: Check): Check {
	return (value) => Array.isArray(value) && value.every(check);
}

const isPicture = has({ png: (png) => typeof png === "string", width: isNumber, height: isNumber });
const isShown = has({
	index: isNumber,
	label: isLabel,
	nmse: isNumber,
	original: isPicture,
	reconstruction: isPicture,
});
const isWhole = has({
	version: (version) => version === 1,
	step: isNumber,
	images: has(
		Object.fromEntries(["count", "looked", "channels", "height", "width", "shrunk"].map((name) => [name, isNumber])),
	),
	examples: listOf(isShown),
	worst: listOf(isShown),
	maps: listOf(has({ index: isNumber, label: isLabel, original: isPicture, levels: listOf(isPicture) })),
	codes: listOf(
		has({
			total: isNumber,
			unused: isNumber,
			uses: isNumber,
			shown: listOf((pair) => listOf(isNumber)(pair) && (pair as readonly number[]).length === 2),
			patches: isPicture,
			columns: isNumber,
		}),
	),
	use: listOf(has({ step: isNumber, bins: listOf(isNumber) })),
});

/** Whether a value from a file is what was collected from a model. */
export function isModelPictures(value: unknown): value is ModelPictures {
	return isWhole(value);
}
