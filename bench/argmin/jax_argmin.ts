import { defaultDevice, init, jit, numpy as np } from "@jax-js/jax";
import type { Gpu } from "tessera-gpu";
import { guarded } from "../harness/guard.js";
import { shareDevice } from "../harness/navigator.js";
import type { Contender } from "../harness/timing.js";
import type { Problem } from "./compare_indices.js";

/** The composition in jax-js over one problem. */
export interface JaxArgmin {
	readonly contender: Contender;
	readonly indices: ArrayLike<number>;
	readonly close: () => void;
}

/**
 * argmin over codes of |z|² + |e|² − 2 z·e in jax-js, compiled as one function, on whatever device `navigator.gpu` has.
 *
 * @throws TesseraError if jax-js or the GPU refuses it
 */
export async function openJaxArgmin(gpu: Gpu, { z, codebook, dimensions }: Problem): Promise<JaxArgmin> {
	shareDevice(gpu);
	await init("webgpu");
	defaultDevice("webgpu");
	const nearest = jit((rows: np.Array, codes: np.Array) => {
		const zz = np.sum(np.square(rows.ref), 1, { keepdims: true });
		const ee = np.sum(np.square(codes.ref), 1);
		return np.argmin(zz.add(ee).sub(np.matmul(rows, np.transpose(codes)).mul(2)), 1);
	});
	const matrix = (data: Float32Array<ArrayBuffer>) => np.array(data).reshape([data.length / dimensions, dimensions]);
	const [rows, codes] = [matrix(z), matrix(codebook)];
	const close = () => {
		rows.dispose();
		codes.dispose();
	};
	const start = performance.now();
	const indices = await guarded(gpu, "jax-js", () => nearest(rows.ref, codes.ref).data()).catch((error: unknown) => {
		close();
		throw error;
	});
	const before = performance.now() - start;
	const pending: np.Array[] = [];
	return {
		indices,
		contender: {
			name: "jax-js",
			before,
			// An array is used up by each function that takes it; `ref` keeps it.
			call: () => pending.push(nearest(rows.ref, codes.ref)),
			finish: async () => {
				for (const result of pending.splice(0)) (await result.blockUntilReady()).dispose();
				await gpu.device.queue.onSubmittedWorkDone();
			},
		},
		close,
	};
}
