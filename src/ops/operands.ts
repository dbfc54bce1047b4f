import { checkNumber, wrongArgument } from "../base/arguments.js";
import { ArgumentError, DTypeError } from "../base/errors.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import { arrays, type DType } from "../tensor/dtype.js";
import { type AnyTensor, type Gpu, Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { isFloat } from "./record.js";

/** An operand of an elementwise operation. */
export type Operand<D extends DType = "float32"> = Tensor<D> | number;

/** A tensor with this one element, for reading only. */
export function scalarOf<D extends DType>(gpu: Gpu, value: number, dtype: D): Tensor<D> {
	return new Tensor(gpu, gpu.uniform(arrays[dtype].of(value)).retain(), [], dtype);
}

/**
 * The operands as tensors of one dtype; a number becomes a scalar of the others' dtype.
 *
 * @param allowed none means every dtype
 * @throws ArgumentError unless at least one is a tensor and the others are tensors or numbers that its dtype
 * can hold, DTypeError if the dtypes differ or are not allowed
 */
export function operandsOf<D extends DType>(
	operation: string,
	values: Readonly<Record<string, Operand<D>>>,
	...allowed: readonly DType[]
): Tensor<D>[] {
	const entries = Object.entries(values);
	for (const [name, value] of entries) {
		if (typeof value === "number") continue;
		if (typeof value !== "object" || value === null)
			throw wrongArgument(operation, name, "a tensor or a number", value);
		checkAnyTensor(operation, name, value, ...allowed);
	}
	const tensors = entries.filter((entry): entry is [string, Tensor<D>] => typeof entry[1] !== "number");
	if (tensors.length === 0) {
		const [[name, value]] = entries;
		throw wrongArgument(operation, name, "a tensor, unless another operand is one", value, "use gpu.tensor(…)");
	}
	const [[firstName, first], ...others] = tensors;
	const { gpu, dtype } = first;
	commonGpu(operation, first, ...others.map(([, tensor]) => tensor as AnyTensor));
	for (const [name, tensor] of others)
		if (tensor.dtype !== dtype)
			throw new DTypeError(
				`${operation}: ${firstName} is ${dtype}, but ${name} is ${tensor.dtype}; they must be equal: use cast(x, "${isFloat(tensor) ? "float32" : dtype}").`,
			);
	return entries.map(([name, value]) => {
		if (typeof value !== "number") return value;
		if (dtype !== "float32" && arrays[dtype].of(value)[0] !== value) {
			checkNumber(operation, name, value, { whole: true });
			throw new ArgumentError(`${operation}: ${name} is ${value}, which ${dtype} cannot hold.`);
		}
		return scalarOf(gpu, value, dtype);
	});
}
