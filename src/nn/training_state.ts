import { checkNumber, isPlainObject, wrongArgument } from "../base/arguments.js";
import { StateDictError } from "../base/errors.js";
import { type AnyTensor, Tensor } from "../tensor/tensor.js";
import type { StateValue } from "./module.js";

/** What a trainer keeps besides its model. */
interface Stateful {
	stateDict(): Record<string, AnyTensor>;
	loadStateDict(dict: Readonly<Record<string, StateValue>>): void;
}

/** The parts of a training by their names in its state dict, and its counts. */
interface TrainingState {
	readonly parts: { readonly optimizer: Stateful } & Readonly<Record<string, Stateful>>;
	readonly counts: Readonly<Record<string, number>>;
}

/** Copies of the tensors in the state dicts of all parts, as `part.name`, and the counts as int32 scalars. */
export function saveTraining(gpu: AnyTensor["gpu"], { parts, counts }: TrainingState): Record<string, AnyTensor> {
	const state: Record<string, AnyTensor> = {};
	// An optimizer's state dict has copies already.
	for (const [name, part] of Object.entries(parts))
		for (const [key, tensor] of Object.entries(part.stateDict()))
			state[`${name}.${key}`] = part === parts.optimizer ? tensor : gpu.clone(tensor);
	for (const [name, count] of Object.entries(counts)) state[name] = gpu.tensor(Int32Array.of(count), []);
	return state;
}

/**
 * Loads the parts of a state dict of `saveTraining`.
 *
 * @returns the counts
 * @throws ArgumentError, StateDictError; the first parts may be loaded then
 */
export function loadTraining(
	caller: string,
	dict: Readonly<Record<string, StateValue>>,
	{ parts, counts }: TrainingState,
): Record<string, number> {
	if (!isPlainObject(dict)) throw wrongArgument(caller, "dict", "an object of tensors by name", dict);
	const own: Record<string, Record<string, StateValue>> = Object.fromEntries(
		Object.keys(parts).map((name) => [name, {}]),
	);
	const unexpected: string[] = [];
	for (const [key, value] of Object.entries(dict)) {
		const name = key.slice(0, Math.max(0, key.indexOf(".")));
		const part = Object.hasOwn(own, name) ? own[name] : undefined;
		if (part !== undefined) part[key.slice(name.length + 1)] = value;
		else if (!Object.hasOwn(counts, key)) unexpected.push(key);
	}
	if (unexpected.length > 0)
		throw new StateDictError(`${caller}: the state dict does not fit. unexpected: ${unexpected.join(", ")}.`);
	const loaded = Object.fromEntries(Object.keys(counts).map((name) => [name, countOf(caller, name, dict[name])]));
	for (const [name, part] of Object.entries(parts)) part.loadStateDict(own[name]);
	return loaded;
}

function countOf(caller: string, name: string, value: StateValue | undefined): number {
	if (value === undefined) throw new StateDictError(`${caller}: the state dict does not fit. missing: ${name}.`);
	if (value instanceof Tensor)
		throw new StateDictError(
			`${caller}: ${name} is a tensor on the GPU: save the state dict with saveSafetensors, and load what loadSafetensors returns.`,
		);
	return checkNumber(caller, name, value.data[0], { least: 0, most: 2 ** 31 - 1, whole: true });
}
