import { DivergenceError, FormatError } from "../../base/errors.js";
import type { HostTensor } from "../../io/safetensors.js";

type Weights = Readonly<Record<string, HostTensor>>;

/** Which weights are not finite, as the end of a sentence about a file; undefined if all are. */
function notFiniteIn(weights: Weights): { readonly words: string; readonly value: number } | undefined {
	let names = 0;
	let first: { readonly words: string; readonly value: number } | undefined;
	for (const [name, { data }] of Object.entries(weights)) {
		let count = 0;
		let value = 0;
		for (const element of data) {
			if (Number.isFinite(Number(element))) continue;
			value = Number(element);
			count++;
		}
		if (count === 0) continue;
		names++;
		first ??= { words: `${count} of the ${data.length} numbers of ${name} are not finite (${value})`, value };
	}
	return (
		first && { ...first, words: names > 1 ? `${first.words}, and those of ${names - 1} more tensors` : first.words }
	);
}

/** @throws FormatError naming the file if a weight is NaN or infinite */
export function checkFileIsFinite(path: string, weights: Weights): void {
	const found = notFiniteIn(weights);
	if (found !== undefined)
		throw new FormatError(
			`"${path}": ${found.words}: its training diverged. Train it again with a lower --lr, or choose another file.`,
		);
}

/** @throws DivergenceError if a weight is NaN or infinite, so that it does not overwrite finite ones */
export function checkWeightsAreFinite(step: number, weights: Weights): void {
	const found = notFiniteIn(weights);
	if (found !== undefined) throw new DivergenceError(`After step ${step} ${found.words}.`, step, found.value);
}
