import { jit, lax, type numpy as np, vjp } from "@jax-js/jax";
import type { Gpu } from "tessera-gpu";
import { Jax } from "../harness/jax.js";
import type { Library } from "../harness/peers.js";
import type { Direction, Layer, LayerData } from "./layers.js";

/** The layer's forward pass, in our layouts, which are those of jax-js. */
function forwardOf({ transposed, stride, padding }: Layer): (x: np.Array, weight: np.Array) => np.Array {
	const strides = [stride, stride];
	// The padding of a transposed convolution crops its output. Without the crop at the end there is an
	// output padding.
	const end = transposed ? padding - (stride - 1) : padding;
	const pads: [number, number][] = [
		[padding, end],
		[padding, end],
	];
	return (x, weight) =>
		transposed
			? lax.convTranspose(x, weight, strides, pads, { transposeKernel: true })
			: lax.conv(x, weight, strides, pads);
}

/**
 * A direction of a layer in jax-js, compiled as one function: a gradient is what its vjp gives, without the
 * forward pass, whose result is not used.
 *
 * @throws TesseraError if jax-js or the GPU refuses it
 */
export async function openJaxConvolution(
	gpu: Gpu,
	layer: Layer,
	direction: Direction,
	data: LayerData,
): Promise<Library> {
	const jax = await Jax.open(gpu);
	try {
		const { batch, kernel, transposed } = layer;
		const image = (side: "large" | "small") => {
			const [channels, size] = layer[side];
			return jax.array(data[side], [batch, channels, size, size]);
		};
		const x = image(transposed ? "small" : "large");
		const dy = image(transposed ? "large" : "small");
		const weight = jax.array(data.weight, [layer.small[0], layer.large[0], kernel, kernel]);
		const forward = forwardOf(layer);
		const gradientOf = (f: (input: np.Array) => np.Array, input: np.Array, dy: np.Array): np.Array => {
			const [y, backward] = vjp(f, [input]);
			y.dispose();
			const [gradient] = backward(dy);
			backward.dispose();
			return gradient;
		};
		const compiled = {
			forward: () => {
				const f = jax.own(jit(forward));
				return () => f(x.ref, weight.ref);
			},
			"input-gradient": () => {
				const f = jax.own(
					jit((x: np.Array, weight: np.Array, dy: np.Array) => gradientOf((input) => forward(input, weight), x, dy)),
				);
				return () => f(x.ref, weight.ref, dy.ref);
			},
			"weight-gradient": () => {
				const f = jax.own(
					jit((x: np.Array, weight: np.Array, dy: np.Array) => gradientOf((input) => forward(x, input), weight, dy)),
				);
				return () => f(x.ref, weight.ref, dy.ref);
			},
		} satisfies Record<Direction, () => () => np.Array>;
		return { peers: [await jax.peer("jax-js", compiled[direction]())], close: () => jax.close() };
	} catch (error) {
		jax.close();
		throw error;
	}
}
