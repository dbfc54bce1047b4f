import { jit, numpy as np } from "@jax-js/jax";
import type { Gpu } from "tessera-gpu";
import { Jax } from "../harness/jax.js";
import type { Library } from "../harness/peers.js";
import type { Problem } from "./compare_indices.js";

/**
 * argmin over codes of |z|² + |e|² − 2 z·e in jax-js, compiled as one function.
 *
 * @throws TesseraError if jax-js or the GPU refuses it
 */
export async function openJaxArgmin(gpu: Gpu, { z, codebook, dimensions }: Problem): Promise<Library> {
	const jax = await Jax.open(gpu);
	try {
		const matrix = (data: Float32Array<ArrayBuffer>) => jax.array(data, [data.length / dimensions, dimensions]);
		const [rows, codes] = [matrix(z), matrix(codebook)];
		const nearest = jax.own(
			jit((rows: np.Array, codes: np.Array) => {
				const zz = np.sum(np.square(rows.ref), 1, { keepdims: true });
				const ee = np.sum(np.square(codes.ref), 1);
				return np.argmin(zz.add(ee).sub(np.matmul(rows, np.transpose(codes)).mul(2)), 1);
			}),
		);
		return { peers: [await jax.peer("jax-js", () => nearest(rows.ref, codes.ref))], close: () => jax.close() };
	} catch (error) {
		jax.close();
		throw error;
	}
}
