import { ArgumentError } from "../../base/errors.js";
import type { HostTensor } from "../../io/safetensors.js";
import { CodebookQuantizer } from "../../quantizers/codebook_quantizer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { VectorQuantizer } from "../../quantizers/vector_quantizer.js";
import type { OnnxGraph } from "./onnx_graph.js";

/** The codebook of a quantizer in a graph. */
export interface GraphCodebook {
	/** Its name in the state dict. */
	readonly path: string;
	/** The name of the codes as they are compared and looked up, float32 [K, D]. */
	readonly codes: string;
	/** A point among the codes, [D]. */
	readonly centre: Float32Array;
	readonly numEmbeddings: number;
	/** Whether latents and codes have length 1. */
	readonly cosine: boolean;
}

/** The codes whose distances are computed a second time. */
const candidateCount = 8;

/** @throws ArgumentError if the quantizer has no codebook that is known here */
export function addCodebook(graph: OnnxGraph, quantizer: Quantizer, path: string): GraphCodebook {
	if (!(quantizer instanceof CodebookQuantizer || quantizer instanceof VectorQuantizer))
		throw new ArgumentError(`The quantizer ${quantizer.constructor.name} cannot be written as ONNX.`);
	const { numEmbeddings } = quantizer;
	const cosine = quantizer instanceof CodebookQuantizer && quantizer.cosine;
	const name = `${path}.embeddings.weight`;
	const weight = graph.weight(name);
	const codes = cosine ? addUnitVectors(graph, path, weight) : weight;
	return { path, codes, centre: medians(graph.valuesOf(name), cosine), numEmbeddings, cosine };
}

/**
 * Adds the search for the nearest code, index = argmin_k ‖z − e_k‖², the lowest index among equals.
 *
 * The distances to all codes are ½‖e‖² − z·e, a matrix product, because the differences z − e of all pairs would need
 * D times the memory. In float32 that expression loses the digits that latents and codes have in common: around 10 with
 * a spread of 0.01, it gives a wrong code for 43 % of the latents (docs/decisions.md has the figures). Therefore
 * - the same centre is subtracted from latents and codes, which changes no distance. It is the median of each dimension,
 *   because a single code that is far away moves a mean;
 * - the distances of the 8 nearest candidates are computed again as Σ (z − e)², as `nearestCode` does, and the smallest
 *   of these decides. So a code differs from that of `nearestCode` only if both distances are equal up to the rounding of
 *   the latents and of that sum, or if more than 8 codes are within the rounding of the matrix product.
 * The lowest index is taken among equals explicitly, because runtimes differ in which position ArgMin returns. A
 * latent with NaN gets some index of the codebook.
 *
 * @param z the name of the latents, float32 [batch, rows, columns, D]
 * @returns the name of the indices, int64 [batch, rows, columns]
 */
export function addNearestCode(graph: OnnxGraph, codebook: GraphCodebook, z: string): string {
	const { path, codes, centre, numEmbeddings, cosine } = codebook;
	const latents = cosine ? addUnitVectors(graph, path, z) : z;
	// What depends on the codes alone is computed when the graph is loaded, by runtimes that fold constants.
	const middle = graph.floats(`${path}.centre`, centre, [centre.length]);
	const centred = graph.add("Sub", path, [codes, middle]);
	const norms = graph.add("ReduceSumSquare", path, [centred], { axes: [1], keepdims: 0 });
	const halfNorms = graph.add("Mul", path, [norms, graph.floats("float32(0.5)", [0.5], [])]);
	const columns = graph.add("Transpose", path, [centred], { perm: [1, 0] });
	const products = graph.add("MatMul", path, [graph.add("Sub", path, [latents, middle]), columns]);
	const distances = graph.add("Sub", path, [halfNorms, products]);

	const candidates = graph.addSmallest(path, distances, Math.min(candidateCount, numEmbeddings));
	const near = graph.add("Gather", path, [codes, candidates], { axis: 0 });
	const differences = graph.add("Sub", path, [graph.add("Unsqueeze", path, [latents, graph.integers([-2])]), near]);
	const squares = graph.add("ReduceSumSquare", path, [differences], { axes: [-1], keepdims: 0 });
	const smallest = graph.add("ReduceMin", path, [squares], { axes: [-1], keepdims: 1 });
	const farther = graph.add("Greater", path, [squares, smallest]);
	const nearest = graph.add("Where", path, [farther, graph.integer(numEmbeddings), candidates]);
	return graph.add("ReduceMin", path, [nearest], { axes: [-1], keepdims: 0 });
}

/** Adds x / max(‖x‖, 1e-12) along the last axis, as torch.nn.functional.normalize. */
function addUnitVectors(graph: OnnxGraph, path: string, x: string): string {
	const length = graph.add("ReduceL2", path, [x], { axes: [-1], keepdims: 1 });
	const least = graph.floats("float32(1e-12)", [1e-12], []);
	return graph.add("Div", path, [x, graph.add("Max", path, [length, least])]);
}

/** The lower median of each column of a codebook, or of its rows scaled to length 1. */
function medians({ data, shape: [rows = 0, columns = 0] }: HostTensor, unitLength: boolean): Float32Array {
	const factors = Float64Array.from({ length: rows }, (_, row) => {
		if (!unitLength) return 1;
		let squares = 0;
		for (let column = 0; column < columns; column++) squares += data[row * columns + column] ** 2;
		return 1 / Math.max(Math.sqrt(squares), 1e-12);
	});
	return Float32Array.from({ length: columns }, (_, column) => {
		const values = factors.map((factor, row) => factor * data[row * columns + column]);
		return values.sort()[Math.floor((rows - 1) / 2)];
	});
}
