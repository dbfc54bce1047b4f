import type { OnnxGraph } from "./onnx_graph.js";

// Finite scalar quantization, see kernels/finite_scalar.wgsl for the formulas.

/**
 * Adds the nodes from latents to codes.
 *
 * @param z the name of the latents, float32 [batch, rows, columns, D]
 * @returns the name of the codes, int64 [batch, rows, columns]
 */
export function addFiniteScalarCodes(graph: OnnxGraph, path: string, z: string, levels: readonly number[]): string {
	const dimensions = [levels.length];
	const halves = levels.map((level) => (level - 1) * 0.4995);
	const offsets = levels.map((level) => (level % 2 === 0 ? 0.5 : 0));
	const shifts = offsets.map((offset, d) => Math.tan(offset / (halves[d] ?? 1)));
	const shifted = graph.add("Add", path, [z, graph.floats(`${path}.shifts`, shifts, dimensions)]);
	const bounded = graph.add("Mul", path, [
		graph.add("Tanh", path, [shifted]),
		graph.floats(`${path}.halves`, halves, dimensions),
	]);
	const moved = graph.add("Sub", path, [bounded, graph.floats(`${path}.offsets`, offsets, dimensions)]);
	// Round is to the nearest, and to even in the middle, as in WGSL.
	const rounded = graph.addCast(path, graph.add("Round", path, [moved]), "int64");
	const digits = graph.add("Add", path, [rounded, graph.integers(widthsOf(levels))]);
	const parts = graph.add("Mul", path, [digits, graph.integers(basesOf(levels))]);
	return graph.add("ReduceSum", path, [parts, graph.integers([-1])], { keepdims: 0 });
}

/**
 * Adds the nodes from codes to vectors.
 *
 * @param indices the name of the codes, int64 [batch, rows, columns]
 * @returns the name of the vectors, float32 [batch, rows, columns, D]
 */
export function addFiniteScalarVectors(
	graph: OnnxGraph,
	path: string,
	indices: string,
	levels: readonly number[],
): string {
	const widths = widthsOf(levels);
	const columns = graph.add("Unsqueeze", path, [indices, graph.integers([-1])]);
	const quotients = graph.add("Div", path, [columns, graph.integers(basesOf(levels))]);
	const digits = graph.add("Mod", path, [quotients, graph.integers(levels)]);
	const centred = graph.addCast(path, graph.add("Sub", path, [digits, graph.integers(widths)]), "float32");
	return graph.add("Div", path, [centred, graph.floats(`${path}.widths`, widths, [widths.length])]);
}

/** ⌊L/2⌋ of each dimension. */
function widthsOf(levels: readonly number[]): number[] {
	return levels.map((level) => Math.floor(level / 2));
}

/** The product of the levels of the dimensions before each. */
function basesOf(levels: readonly number[]): number[] {
	let product = 1;
	return levels.map((level) => {
		const base = product;
		product *= level;
		return base;
	});
}
