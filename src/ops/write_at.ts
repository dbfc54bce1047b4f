import catKernel from "../../kernels/cat.wgsl";
import type { AnyTensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** Overwrites elements of a tensor, from `start` on, with those of another one of the same dtype. */
export function writeAt(from: AnyTensor, to: AnyTensor, start: number): void {
	const uniforms = { row: from.size, outRow: from.size, offset: start };
	launchElements(catKernel, from.size, [from, to], { uniforms });
}
