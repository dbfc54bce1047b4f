import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape } from "../base/shape.js";
import type { Constants, Kernel, UniformValues } from "../gpu/kernel.js";
import type { AnyTensor } from "../tensor/tensor.js";
import { broadcastStrides, constantsOf, mergeAxes, readOf, reads, sizeConstants } from "./axes.js";
import { expanded } from "./copy.js";
import { launchElements } from "./launch.js";

/** Axes that the kernels with broadcast operands can index. */
const kernelAxes = 6;

/** The letters of the operands in the kernels' constants. */
const letters = ["A", "B", "C"] as const;

/**
 * The shape that operands broadcast to, by NumPy's rules.
 *
 * @throws ShapeError if the lengths of an axis are neither equal nor 1
 */
export function broadcastShape(operation: string, ...shapes: readonly Shape[]): Shape {
	const rank = Math.max(...shapes.map(({ length }) => length));
	return Array.from({ length: rank }, (_, axis) => {
		const lengths = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
		const length = lengths.find((each) => each !== 1) ?? 1;
		if (lengths.some((each) => each !== 1 && each !== length))
			throw new ShapeError(
				`${operation}: shapes ${shapes.map(formatShape).join(" and ")} do not broadcast: counted from the last axis, the lengths must be equal, or 1.`,
			);
		return length;
	});
}

/** How a kernel finds the elements of broadcast operands; undefined if it cannot index so many axes. */
function broadcastConstants(shapes: readonly Shape[], to: Shape): Constants | undefined {
	const { shape, strides } = mergeAxes({ shape: to, strides: shapes.map((own) => broadcastStrides(own, to)) });
	if (shape.length > kernelAxes) return undefined;
	const operands = strides.map((own, i) =>
		sameShape(shapes[i], to)
			? { [`${letters[i]}_READS`]: reads.sameVector }
			: { [`${letters[i]}_READS`]: readOf(own, shape), ...constantsOf(`${letters[i]}_`, own, kernelAxes) },
	);
	const sizes = shapes.every((own) => sameShape(own, to)) ? {} : sizeConstants(shape, kernelAxes);
	return Object.assign(sizes, ...operands);
}

/**
 * Launches a kernel whose operands are broadcast to the shape of `out`. Its bindings are each operand twice
 * (as vectors and as words), then `out`.
 */
export function launchBroadcast(
	operation: string,
	kernel: Kernel,
	operands: readonly AnyTensor[],
	out: AnyTensor,
	constants: Constants = {},
	uniforms: UniformValues = {},
): void {
	const { gpu } = out;
	if (out.size === 0) return;
	gpu.scope(() => {
		const shapes = operands.map(({ shape }) => shape);
		const own = broadcastConstants(shapes, out.shape);
		const read = own === undefined ? operands.map((operand) => expanded(operation, operand, out.shape)) : operands;
		const [first, ...others] = read.flatMap((operand) => [operand, operand]);
		launchElements(kernel, out.size / 4, [first, ...others, out], { constants: { ...own, ...constants }, uniforms });
	});
}
