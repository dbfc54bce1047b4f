import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import type { Contender } from "../harness/contest.js";
import { guarded } from "../harness/guard.js";
import { Tfjs } from "../harness/tfjs.js";
import type { Problem } from "./compare_indices.js";

/** argmin over codes of |z|² + |e|² − 2 z·e, as the notes write it. */
function nearest(z: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor {
	const zz = tf.sum(tf.square(z), 1, true);
	const ee = tf.sum(tf.square(codebook), 1);
	return tf.argMin(tf.sub(tf.add(zz, ee), tf.mul(tf.matMul(z, codebook, false, true), 2)), 1);
}

/** The composition in tfjs over one problem. */
export interface TfjsArgmin {
	readonly contender: Contender;
	/** In how many parts the rows were computed, since tfjs cannot bind more distances at once. */
	readonly parts: number;
	readonly indices: Int32Array;
	/** Most bytes of tensors beside inputs and result. */
	readonly extraBytes: number;
	readonly close: () => void;
}

/** @throws TesseraError where tfjs or the GPU refuses it. */
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
		const call = () =>
			zParts.map((part) =>
				tf.tidy(() => {
					const before = tfjs.bytes();
					const index = nearest(part, e);
					peak = Math.max(peak, tfjs.bytes() - before - 4 * index.size);
					return index;
				}),
			);
		const indices = new Int32Array(rows);
		await guarded(gpu, "tfjs", async () => {
			for (const [part, index] of call().entries()) {
				indices.set(await index.data(), part * rowsInPart);
				index.dispose();
			}
		});
		return { contender: tfjs.contender("tfjs", call), parts, indices, extraBytes: peak, close: () => tfjs.close() };
	} catch (error) {
		tfjs.close();
		throw error;
	}
}
