import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import { addCodebook, addNearestCode } from "./onnx_codebook.js";
import { addFiniteScalarCodes, addFiniteScalarVectors } from "./onnx_finite_scalar.js";
import type { OnnxGraph } from "./onnx_graph.js";

/**
 * Adds the nodes from latents to codes.
 *
 * @param path the name of the quantizer in the state dict
 * @param z the name of the latents, float32 [batch, rows, columns, D]
 * @returns the name of the codes, int64 [batch, rows, columns]; of a residual quantizer [batch, rows, columns, levels]
 * @throws ArgumentError if the quantizer is of another class than those of the command line
 */
export function addEncode(graph: OnnxGraph, quantizer: Quantizer, path: string, z: string): string {
	if (quantizer instanceof FiniteScalarQuantizer)
		return addFiniteScalarCodes(graph, path, z, quantizer.levelsPerDimension);
	if (!(quantizer instanceof ResidualQuantizer)) return addNearestCode(graph, addCodebook(graph, quantizer, path), z);
	const levels: string[] = [];
	let residual = z;
	for (const [level, part] of quantizer.codebooks.entries()) {
		const codebook = addCodebook(graph, part, levelPath(path, level));
		const indices = addNearestCode(graph, codebook, residual);
		levels.push(graph.add("Unsqueeze", codebook.path, [indices, graph.integers([-1])]));
		if (level + 1 === quantizer.levels) break;
		const found = graph.add("Gather", codebook.path, [codebook.codes, indices], { axis: 0 });
		residual = graph.add("Sub", codebook.path, [residual, found]);
	}
	return graph.add("Concat", path, levels, { axis: -1 });
}

/**
 * Adds the nodes from codes to the decoder's input.
 *
 * @param indices the name of the codes, as `addEncode` returns them
 * @returns the name of the vectors, float32 [batch, rows, columns, D]
 * @throws ArgumentError as `addEncode`
 */
export function addLookup(graph: OnnxGraph, quantizer: Quantizer, path: string, indices: string): string {
	if (quantizer instanceof FiniteScalarQuantizer)
		return addFiniteScalarVectors(graph, path, indices, quantizer.levelsPerDimension);
	const lookup = (part: Quantizer, name: string, of: string) =>
		graph.add("Gather", name, [addCodebook(graph, part, name).codes, of], { axis: 0 });
	if (!(quantizer instanceof ResidualQuantizer)) return lookup(quantizer, path, indices);
	const vectors = quantizer.codebooks.map((part, level) => {
		const name = levelPath(path, level);
		return lookup(part, name, graph.add("Gather", name, [indices, graph.integer(level)], { axis: -1 }));
	});
	return vectors.reduce((sum, vector) => graph.add("Add", path, [sum, vector]));
}

function levelPath(path: string, level: number): string {
	return `${path}.codebooks.${level}`;
}
