import * as jaxjs from "@jax-js/jax";
import type { Gpu } from "tessera-gpu";
import { Jax } from "../harness/jax.js";
import type { Library } from "../harness/peers.js";
import type { Operation } from "./operations.js";

/** An operation in jax-js, compiled. @throws TesseraError if jax-js or the GPU refuses it */
export async function openJaxOperation(
	gpu: Gpu,
	{ inputs, jax: operation }: Operation,
	data: readonly Float32Array<ArrayBuffer>[],
): Promise<Library> {
	const jax = await Jax.open(gpu);
	try {
		const arrays = inputs.map((shape, i) => jax.array(data[i], shape));
		const compiled = jax.own(jaxjs.jit((...arrays: jaxjs.Array[]) => operation(jaxjs, arrays)));
		const peer = await jax.peer("jax-js", () => compiled(...arrays.map((array) => array.ref)));
		return { peers: [peer], close: () => jax.close() };
	} catch (error) {
		jax.close();
		throw error;
	}
}
