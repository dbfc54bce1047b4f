import * as tf from "@tensorflow/tfjs-core";
import type { Gpu } from "tessera-gpu";
import type { Library, Peer } from "../harness/peers.js";
import { permuted } from "../harness/permute.js";
import { Tfjs } from "../harness/tfjs.js";
import type { Direction, Layer, LayerData } from "./layers.js";

/**
 * The kernels that tfjs's own conv2d, conv2dTranspose and their gradients end in, called directly: a gradient without
 * the forward pass before it. tfjs's layout is NHWC, and [kernel, kernel, large, small] for weights.
 *
 * A transposed convolution has two variants, for the two settings of
 * WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE; elsewhere the flag makes no difference.
 *
 * @throws TesseraError if tfjs or the GPU refuses it
 */
export async function openTfjsConvolution(
	gpu: Gpu,
	layer: Layer,
	direction: Direction,
	data: LayerData,
): Promise<Library> {
	const tfjs = await Tfjs.open(gpu);
	try {
		const { batch, kernel, stride, padding, transposed } = layer;
		const images = (side: "large" | "small") => {
			const [channels, size] = layer[side];
			return tf.tensor4d(permuted(data[side], [batch, channels, size, size], [0, 2, 3, 1]), [
				batch,
				size,
				size,
				channels,
			]);
		};
		const weightShape = [layer.small[0], layer.large[0], kernel, kernel];
		const filterShape: [number, number, number, number] = [kernel, kernel, layer.large[0], layer.small[0]];
		const large = images("large");
		const small = images("small");
		const filter = tf.tensor4d(permuted(data.weight, weightShape, [2, 3, 1, 0]), filterShape);
		const common = { strides: [stride, stride], pad: padding, dataFormat: "NHWC" };
		const run = (name: string, inputs: tf.NamedTensorMap, more: Record<string, number[]>) =>
			tf.engine().runKernel(name, inputs, { ...common, ...more }) as tf.Tensor;
		const down = () => run(tf.Conv2D, { x: large, filter }, { dilations: [1, 1] });
		const up = () => run(tf.Conv2DBackpropInput, { dy: small, filter }, { inputShape: large.shape });
		const weight = () => run(tf.Conv2DBackpropFilter, { x: large, dy: small }, { filterShape });
		const goesUp = direction !== "weight-gradient" && (direction === "forward") === transposed;
		const operation = direction === "weight-gradient" ? weight : goesUp ? up : down;

		const peers: Peer[] = [];
		for (const naive of goesUp ? [true, false] : [true]) {
			const name = goesUp ? (naive ? "tfjs naive" : "tfjs matmul") : "tfjs";
			const set = () => {
				tfjs.naiveTransposedConvolution = naive;
				return operation();
			};
			const arrange = (values: Float32Array, shape: readonly number[]) =>
				direction === "weight-gradient"
					? permuted(values, filterShape, [3, 2, 0, 1])
					: permuted(values, shape, [0, 3, 1, 2]);
			peers.push(await tfjs.peer(name, set, arrange));
		}
		return { peers, close: () => tfjs.close() };
	} catch (error) {
		tfjs.close();
		throw error;
	}
}
