import { join } from "../gpu/join.js";
import type { Storage } from "../gpu/storage.js";
import type { Parameter, Tensor } from "../tensor/tensor.js";

/**
 * The gradients of parameters as one storage, in this order; undefined if they cannot be joined. Only in a
 * captured step, where nothing is copied for it. Gradients that are pending are computed in one launch.
 */
export function joinGradients(parameters: readonly Parameter[]): Storage | undefined {
	const [{ gpu }] = parameters;
	if (gpu.trace === undefined) return undefined;
	const gradients = parameters.map(({ grad }) => grad);
	const joined = join(
		gpu,
		gradients.map((tensor) => tensor.memoryOfPending()),
	);
	if (joined !== undefined) completeTogether(gradients);
	return joined;
}

function completeTogether(tensors: readonly Tensor[]): void {
	const pending = [...new Set(tensors.flatMap((tensor) => tensor.pending ?? []))];
	pending[0]?.complete(pending);
}

/**
 * Parameters by the buffer that they are parts of, in the order of the parts: so the parameters of an
 * optimizer are together. A parameter that has its own buffer is alone.
 */
export function byBuffer(parameters: readonly Parameter[]): Parameter[][] {
	const groups = new Map<Storage, Parameter[]>();
	for (const parameter of parameters) {
		const storage = parameter.memory();
		const buffer = storage.whole ?? storage;
		const group = groups.get(buffer);
		if (group === undefined) groups.set(buffer, [parameter]);
		else group.push(parameter);
	}
	return [...groups.values()].map((group) => group.toSorted((a, b) => a.memory().offset - b.memory().offset));
}
