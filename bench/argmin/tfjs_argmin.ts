import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import { guarded } from "../harness/guard.js";
import { Tfjs } from "../harness/tfjs.js";
import type { Contender } from "../harness/timing.js";
import type { Problem } from "./compare_indices.js";

/** argmin over codes of |z|² + |e|² − 2 z·e: the usual composition, with three terms. */
function nearest(z: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor {
	const zz = tf.sum(tf.square(z), 1, true);
	const ee = tf.sum(tf.square(codebook), 1);
	return tf.argMin(tf.sub(tf.add(zz, ee), tf.mul(tf.matMul(z, codebook, false, true), 2)), 1);
}

/** The same of |e|² − z·2e: as few passes over the distances as tfjs's operations allow. */
function nearestInFewPasses(z: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor {
	const ee = tf.sum(tf.square(codebook), 1);
	return tf.argMin(tf.sub(ee, tf.matMul(z, tf.mul(codebook, 2), false, true)), 1);
}

/** The composition in tfjs over one problem. */
export interface TfjsArgmin {
	/** "tfjs", the composition with three terms, and "tfjs lean" unless the first takes too long. */
	readonly contenders: readonly Contender[];
	/** In how many parts the rows were computed, since tfjs cannot bind more distances at once. */
	readonly parts: number;
	/** Those of the composition with three terms. */
	readonly indices: Int32Array;
	/** Most bytes of tensors besides inputs and result, in the composition with three terms. */
	readonly extraBytes: number;
	readonly close: () => void;
}

/** If the composition with three terms takes more milliseconds than this, the lean one is not run. */
const tooLongForLean = 20_000;

/** @throws TesseraError if tfjs or the GPU refuses it */
export async function openTfjsArgmin(gpu: Gpu, { z, codebook, dimensions }: Problem): Promise<TfjsArgmin> {
	const tfjs = await Tfjs.open(gpu);
	try {
		const rows = z.length / dimensions;
		const codes = codebook.length / dimensions;
		const parts = Math.ceil((4 * rows * codes) / gpu.limits.maxStorageBufferBindingSize);
		const rowsInPart = Math.ceil(rows / parts);
		const e = tf.tensor2d(codebook, [codes, dimensions]);
		const zParts = Array.from({ length: parts }, (_, part) => {
			const data = z.subarray(part * rowsInPart * dimensions, (part + 1) * rowsInPart * dimensions);
			return tf.tensor2d(data, [data.length / dimensions, dimensions]);
		});
		let peak = 0;
		const call = (composition: typeof nearest) =>
			zParts.map((part) =>
				tf.tidy(() => {
					const before = tfjs.bytes();
					const index = composition(part, e);
					peak = Math.max(peak, tfjs.bytes() - before - 4 * index.size);
					return index;
				}),
			);
		const indices = new Int32Array(rows);
		const start = performance.now();
		await guarded(gpu, "tfjs", async () => {
			for (const [part, index] of call(nearest).entries()) {
				indices.set(await index.data(), part * rowsInPart);
				index.dispose();
			}
		});
		const before = performance.now() - start;
		const extraBytes = peak;
		const contenders: Contender[] = [{ ...tfjs.contender("tfjs", () => call(nearest)), before }];
		if (before < tooLongForLean) contenders.push(tfjs.contender("tfjs lean", () => call(nearestInFewPasses)));
		return { contenders, parts, indices, extraBytes, close: () => tfjs.close() };
	} catch (error) {
		tfjs.close();
		throw error;
	}
}
