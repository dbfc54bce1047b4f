import { lax, nn, numpy as np, tree } from "@jax-js/jax";
import { settings } from "./problem.js";

/** Arrays by the names of the weights in the state dict. */
export type Arrays = Record<string, np.Array>;

/** @throws Error if there is no such array */
export function arrayOf(arrays: Arrays, name: string): np.Array {
	const found = arrays[name];
	if (found === undefined) throw new Error(`there is no array ${name}`);
	return found;
}

/**
 * The loss of the reference network, in our layouts, which are those of jax-js. It consumes its arguments.
 */
export function lossOf(weights: Arrays, images: np.Array, dataVariance: number): np.Array {
	const weight = (name: string) => arrayOf(weights, name).ref;
	const withBias = (x: np.Array, name: string) => x.add(weight(`${name}.bias`).reshape([1, -1, 1, 1]));
	const conv = (x: np.Array, name: string, stride: number, padding: number) => {
		const pads: [number, number] = [padding, padding];
		return withBias(lax.conv(x, weight(`${name}.weight`), [stride, stride], [pads, pads]), name);
	};
	const convTranspose = (x: np.Array, name: string, stride: number) => {
		// Padding 1 crops the output; an output padding of stride − 1 is that much less of it at the end.
		const pads: [number, number] = [1, 1 - (stride - 1)];
		const kernel = weight(`${name}.weight`);
		return withBias(lax.convTranspose(x, kernel, [stride, stride], [pads, pads], { transposeKernel: true }), name);
	};
	const hidden = nn.relu(conv(images.ref, "encoder.convs.0", 2, 1));
	const z = conv(nn.relu(conv(hidden, "encoder.convs.2", 2, 1)), "encoder.convs.4", 1, 0);

	const [batch, channels, height, width] = z.shape as [number, number, number, number];
	const rows = np.transpose(z, [0, 2, 3, 1]).reshape([-1, channels]);
	const { quantized, loss } = quantize(rows, weight("vq_layer.embeddings.weight"));
	const codes = np.transpose(quantized.reshape([batch, height, width, channels]), [0, 3, 1, 2]);

	const up = nn.relu(convTranspose(codes, "decoder.convs.0", 2));
	const upper = nn.relu(convTranspose(up, "decoder.convs.2", 2));
	const reconstruction = convTranspose(upper, "decoder.convs.4", 1);
	tree.dispose(weights);
	const reconstructionLoss = np.mean(np.square(reconstruction.sub(images))).mul(1 / dataVariance);
	return reconstructionLoss.add(loss);
}

/** The nearest codes of the rows, with a straight-through gradient, and mse(q, sg[z]) + β mse(z, sg[q]). */
function quantize(rows: np.Array, codebook: np.Array): { quantized: np.Array; loss: np.Array } {
	const zz = np.sum(np.square(rows.ref), 1, { keepdims: true });
	const ee = np.sum(np.square(codebook.ref), 1);
	const products = np.matmul(rows.ref, np.transpose(codebook.ref));
	const indices = np.argmin(lax.stopGradient(zz.add(ee).sub(products.mul(2))), 1);
	const nearest = np.take(codebook, indices, 0);
	const codebookLoss = np.mean(np.square(nearest.ref.sub(lax.stopGradient(rows.ref))));
	const commitmentLoss = np.mean(np.square(rows.ref.sub(lax.stopGradient(nearest.ref))));
	const quantized = rows.ref.add(lax.stopGradient(nearest.sub(rows)));
	return { quantized, loss: codebookLoss.add(commitmentLoss.mul(settings.beta)) };
}
