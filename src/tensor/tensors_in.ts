import { isPlainObject } from "../base/arguments.js";
import { type AnyTensor, Tensor } from "./tensor.js";

/** The tensors in a value: itself, or the elements of arrays, maps, sets and plain objects, at any depth. */
export function tensorsIn(value: unknown, found = new Set<AnyTensor>()): Set<AnyTensor> {
	if (value instanceof Tensor) found.add(value);
	else if (Array.isArray(value)) for (const element of value) tensorsIn(element, found);
	else if (value instanceof Map || value instanceof Set)
		for (const element of value.values()) tensorsIn(element, found);
	else if (isPlainObject(value)) for (const element of Object.values(value)) tensorsIn(element, found);
	return found;
}
