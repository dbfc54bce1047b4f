/** A row-major array in float64: what the reference implementations take and give. */
export interface Array64 {
	readonly shape: number[];
	readonly data: Float64Array;
}

/** The number of elements of a shape; 1 for a scalar's []. */
export function sizeOf(shape: readonly number[]): number {
	return shape.reduce((product, extent) => product * extent, 1);
}

/** An array filled with zeros. */
export function zeros(shape: readonly number[]): Array64 {
	return { shape: [...shape], data: new Float64Array(sizeOf(shape)) };
}

/** An array of the given numbers; their count must be that of the shape. */
export function array(shape: readonly number[], data: ArrayLike<number>): Array64 {
	if (data.length !== sizeOf(shape)) throw new Error(`${data.length} numbers do not fill [${shape.join(", ")}]`);
	return { shape: [...shape], data: Float64Array.from(data) };
}

/** An array of the same shape with each element passed through f. */
export function map(x: Array64, f: (value: number, index: number) => number): Array64 {
	return { shape: [...x.shape], data: x.data.map(f) };
}

/** The row-major position of an element. */
export function offsetOf(shape: readonly number[], index: readonly number[]): number {
	return shape.reduce((offset, extent, axis) => offset * extent + index[axis], 0);
}

/** The index of the element at a row-major position: the inverse of {@link offsetOf}. */
export function indexOf(shape: readonly number[], offset: number): number[] {
	const index = new Array<number>(shape.length);
	let rest = offset;
	for (let axis = shape.length - 1; axis >= 0; axis--) {
		index[axis] = rest % shape[axis];
		rest = Math.floor(rest / shape[axis]);
	}
	return index;
}

/** The sum of the products of the elements: Σ a·b. */
export function dot(a: Array64, b: Array64): number {
	return a.data.reduce((total, value, i) => total + value * b.data[i], 0);
}
