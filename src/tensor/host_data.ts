import { wrongArgument } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { arrays, type DataOf, type DType } from "./dtype.js";

/** A number, or arrays of numbers nested as deep as the tensor has axes; the innermost may be typed arrays. */
export type NestedNumbers = number | readonly (NestedNumbers | NumberArray)[];

export type SignedArray = Int8Array | Int16Array | Int32Array;
export type UnsignedArray = Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array;
export type FloatArray = Float32Array | Float64Array;

/** A typed array of numbers. */
export type NumberArray = SignedArray | UnsignedArray | FloatArray;

/** More axes than any operation takes: an array that is nested deeper contains itself. */
const maxAxes = 32;

/** The name of a typed array's class, also of one from another window or Node context; undefined for anything else. */
function typedArrayName(data: unknown): string | undefined {
	return ArrayBuffer.isView(data) ? Object.prototype.toString.call(data).slice(8, -1) : undefined;
}

/** The dtype that a tensor of this data has, unless it is given. */
export function dtypeOf(data: unknown): DType {
	const kind = typedArrayName(data);
	if (kind === undefined) return "float32";
	return /^Int(8|16|32)/.test(kind) ? "int32" : /^Uint(8|16|32)/.test(kind) ? "uint32" : "float32";
}

/** @throws ArgumentError unless it is the name of a dtype */
export function checkDTypeName(caller: string, dtype: unknown): void {
	if (typeof dtype !== "string" || !Object.hasOwn(arrays, dtype))
		throw wrongArgument(caller, "dtype", '"float32", "int32" or "uint32"', dtype);
}

/**
 * The shape of data: [] of a number, [n] of a typed array, [2, 3] of two arrays of three.
 *
 * @throws ArgumentError if it is no data
 */
export function shapeOfData(caller: string, data: unknown): Shape {
	const shape: number[] = [];
	for (let level = data; isList(level); level = level[0]) {
		shape.push(level.length);
		if (shape.length > maxAxes) throw new ArgumentError(`${caller}: data is nested more than ${maxAxes} arrays deep.`);
		if (ArrayBuffer.isView(level)) break;
	}
	if (shape.length === 0 && typeof data !== "number") throw wrongData(caller, "data", data);
	return shape;
}

/**
 * Data as the host array of a dtype; without a copy if it is one already.
 *
 * @param data flat, or nested as the shape is
 * @throws ArgumentError for an element that is no number or that the dtype cannot hold, ShapeError if data and shape do not fit
 */
export function hostArray<D extends DType>(caller: string, data: unknown, shape: Shape, dtype: D): DataOf<D> {
	const own = shapeOfData(caller, data);
	const array = arrays[dtype];
	const kind = typedArrayName(data);
	const nested = own.length > 1;
	if (nested ? !sameShape(own, shape) : sizeOf(own) !== sizeOf(shape))
		throw new ShapeError(
			nested
				? `${caller}: data is nested as ${formatShape(own)}, but shape is ${formatShape(shape)}. Leave the shape out, or give the numbers in one flat array.`
				: `${caller}: data has ${sizeOf(own)} numbers, which do not fill shape ${formatShape(shape)} of ${sizeOf(shape)}.`,
		);
	if (kind === array.name) return data as DataOf<D>;
	const out = new array(sizeOf(own)) as DataOf<D>;
	fill(caller, "data", typeof data === "number" ? [data] : (data as ArrayLike<unknown>), own, out, 0, dtype);
	return out;
}

/** @throws ArgumentError unless it is a number that the dtype can hold */
export function checkElement(caller: string, name: string, value: unknown, dtype: DType): void {
	if (typeof value !== "number") throw wrongArgument(caller, name, "a number", value);
	if (dtype !== "float32" && arrays[dtype].of(value)[0] !== value)
		throw new ArgumentError(`${caller}: ${name} is ${value}, which a tensor of ${dtype} cannot hold.`);
}

/** Writes the numbers of an array at an offset. @param shape the lengths that it and the arrays in it must have */
function fill(
	caller: string,
	name: string,
	data: ArrayLike<unknown>,
	[length = 1, ...inner]: Shape,
	out: DataOf<DType>,
	offset: number,
	dtype: DType,
): void {
	if (data.length !== length)
		throw new ShapeError(
			`${caller}: data is ragged: ${name} has ${data.length} elements, but the arrays before it have ${length}.`,
		);
	if (inner.length === 0) {
		for (let i = 0; i < length; i++) {
			const element = data[i];
			if (typeof element !== "number") throw wrongData(caller, `${name}[${i}]`, element);
			out[offset + i] = element;
			// An integer that does not fit was wrapped.
			if (dtype !== "float32" && out[offset + i] !== element) checkElement(caller, `${name}[${i}]`, element, dtype);
		}
		return;
	}
	const stride = sizeOf(inner);
	for (let i = 0; i < length; i++) {
		const element = data[i];
		if (!Array.isArray(element) && typedArrayName(element) === undefined)
			throw wrongArgument(caller, `${name}[${i}]`, `an array of ${inner[0]} elements, as those before it`, element);
		fill(caller, `${name}[${i}]`, element as ArrayLike<unknown>, inner, out, offset + i * stride, dtype);
	}
}

/** Whether it has elements: an array, a typed array or another object with a length, but no string. */
function isList(value: unknown): value is ArrayLike<unknown> {
	return (
		typeof value === "object" &&
		value !== null &&
		"length" in value &&
		Number.isInteger(value.length) &&
		Number(value.length) >= 0
	);
}

function wrongData(caller: string, name: string, value: unknown): Error {
	const wanted = name === "data" ? "numbers: an array (of arrays) or a typed array" : "a number";
	return wrongArgument(caller, name, wanted, value);
}
