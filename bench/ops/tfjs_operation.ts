import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import type { Library } from "../harness/peers.js";
import { Tfjs } from "../harness/tfjs.js";
import type { Operation } from "./operations.js";

/** An operation in tfjs. @throws TesseraError if tfjs or the GPU refuses it */
export async function openTfjsOperation(
	gpu: Gpu,
	{ inputs, tfjs: operation }: Operation,
	data: readonly Float32Array<ArrayBuffer>[],
): Promise<Library> {
	const tfjs = await Tfjs.open(gpu);
	try {
		const tensors = inputs.map((shape, i) => tf.tensor(data[i], [...shape]));
		return { peers: [await tfjs.peer("tfjs", () => operation(tf, tensors))], close: () => tfjs.close() };
	} catch (error) {
		tfjs.close();
		throw error;
	}
}
