import fillKernel from "../../kernels/fill.wgsl";
import randomKernel from "../../kernels/random.wgsl";
import type { Storage } from "../gpu/storage.js";
import { arrays, type DType } from "./dtype.js";
import { normalQuantiles } from "./normal_quantiles.js";
import type { AnyTensor, Tensor } from "./tensor.js";

/** The values of OPERATION in kernels/fill.wgsl. */
const fillOperations = { constant: 0, range: 1, identity: 2 } as const;

/** What a tensor is filled with. */
export interface Filling {
	readonly start: number;
	/** For "range": from an element to the next (default 0). */
	readonly step?: number;
	/** For "identity": the length of a row (default 1). */
	readonly columns?: number;
}

/** Fills a tensor by kernels/fill.wgsl. */
export function fill(
	out: AnyTensor,
	operation: keyof typeof fillOperations,
	{ start, step = 0, columns = 1 }: Filling,
): void {
	if (out.size === 0) return;
	const [startWord, stepWord] = [start, step].map((value) => wordOf(value, out.dtype));
	out.gpu.launch(fillKernel, {
		constants: { OPERATION: fillOperations[operation], TYPE: out.dtype === "float32" ? 0 : 1 },
		bindings: [out.memory()],
		uniforms: { start, step, startWord, stepWord, columns },
		workgroups: Math.ceil(out.size / 256),
	});
}

/** The bits of a number in a dtype. */
function wordOf(value: number, dtype: DType): number {
	return new Uint32Array(arrays[dtype].of(value).buffer)[0];
}

let quantiles: Int32Array | undefined;

/** Fills a tensor by kernels/random.wgsl. @param key two words, see `RandomKeys` */
export function fillRandom(out: Tensor, normal: boolean, key: Storage): void {
	if (out.size === 0) return;
	quantiles ??= normalQuantiles();
	out.gpu.launch(randomKernel, {
		constants: { NORMAL: normal ? 1 : 0 },
		bindings: [key, out.gpu.uniform(quantiles), out.memory()],
		workgroups: Math.ceil(out.size / 256),
	});
}
