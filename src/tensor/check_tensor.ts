import { wrongArgument } from "../base/arguments.js";
import { DisposedError, DTypeError, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { DType } from "./dtype.js";
import { Parameter, Tensor } from "./tensor.js";

/**
 * @param allowed the dtypes that it may have; none means every dtype
 * @throws ArgumentError unless the value is a tensor, DisposedError for one that was disposed of, DTypeError for another dtype,
 * ShapeError for one without elements
 */
export function checkTensor(caller: string, name: string, value: unknown, ...allowed: readonly DType[]): void {
	checkAnyTensor(caller, name, value, ...allowed);
	const { size, shape } = value as Tensor<DType>;
	if (size === 0)
		throw new ShapeError(`${caller}: ${name} must have at least one element, but has shape ${formatShape(shape)}.`);
}

/** As `checkTensor`, for what also takes tensors without elements. */
export function checkAnyTensor(caller: string, name: string, value: unknown, ...allowed: readonly DType[]): void {
	if (!(value instanceof Tensor)) throw wrongTensor(caller, name, "a tensor", value, allowed);
	if (value.isDisposed) throw new DisposedError(`${caller}: ${name} is ${value}. ${value.disposalAdvice}`);
	if (allowed.length > 0 && !allowed.includes(value.dtype))
		throw new DTypeError(
			`${caller}: ${name} is ${value.dtype}, but must be ${allowed.join(" or ")}: use cast(x, "${allowed[0]}").`,
		);
}

/** @throws ArgumentError unless the value is a parameter, DisposedError for one that was disposed of */
export function checkParameter(caller: string, name: string, value: unknown): void {
	if (!(value instanceof Parameter))
		throw wrongArgument(caller, name, "a parameter", value, "make it with gpu.parameter(data, shape)");
	checkAnyTensor(caller, name, value);
}

function wrongTensor(caller: string, name: string, wanted: string, value: unknown, allowed: readonly DType[]): Error {
	const isData = typeof value === "number" || Array.isArray(value) || ArrayBuffer.isView(value);
	const dtype = allowed.length === 0 || allowed.includes("float32") ? "" : `, shape, "${allowed[0]}"`;
	return wrongArgument(caller, name, wanted, value, isData ? `make one with gpu.tensor(data${dtype})` : "");
}
