import { ShapeError } from "../../base/errors.js";
import { formatShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Where the vectors of [N, D], or of [B, D, H, W] along the channel axis, are, as override constants of the kernels. */
export interface VectorLayout {
	readonly DIMENSIONS: number;
	readonly INNER: number;
}

/**
 * Where the vectors of z are, and the shape of a tensor that has one element for each.
 *
 * @throws ShapeError unless z is [N, D] or [B, D, H, W], DTypeError unless it is float32
 */
export function vectorsOf(
	operation: string,
	name: string,
	z: Tensor,
): { readonly layout: VectorLayout; readonly vectors: number; readonly positions: readonly number[] } {
	checkTensor(operation, name, z, "float32");
	if (z.shape.length !== 2 && z.shape.length !== 4)
		throw new ShapeError(
			`${operation}: ${name} must be [N, D] or [B, D, H, W], but has shape ${formatShape(z.shape)}.`,
		);
	const [batch, dimensions] = z.shape;
	const vectors = z.size / dimensions;
	return {
		layout: { DIMENSIONS: dimensions, INNER: vectors / batch },
		vectors,
		positions: z.shape.toSpliced(1, 1),
	};
}
