import * as tf from "@tensorflow/tfjs-core";
import { permuted } from "../harness/permute.js";
import { imageSize, settings, type Weights } from "./problem.js";

/**
 * The reference network and its training step in tfjs: NHWC, `tf.train.adam`. The quantizer has gradients of its own
 * (`tf.customGrad`), as each of the two losses is the same number and tfjs's gradient of `gather` fails on the indices
 * that its argMin gives.
 */
export class TfjsNetwork {
	private readonly variables = new Map<string, tf.Variable>();
	private readonly optimizer: tf.Optimizer;
	private readonly images: tf.Tensor4D;

	constructor(
		weights: Weights,
		pixels: Float32Array,
		private readonly dataVariance: number,
	) {
		for (const [name, { shape, data }] of weights) {
			// [out, in, kH, kW] → [kH, kW, in, out]; what is [in, out, kH, kW] in a transposed convolution becomes [kH, kW, out, in].
			const axes = shape.length === 4 ? [2, 3, 1, 0] : shape.map((_, axis) => axis);
			const value = tf.tensor(
				permuted(data, shape, axes),
				axes.map((axis) => shape[axis] as number),
			);
			this.variables.set(name, tf.variable(value));
			value.dispose();
		}
		this.optimizer = tf.train.adam(settings.learningRate, 0.9, 0.999, settings.epsilon);
		// One channel: NCHW and NHWC are the same.
		this.images = tf.tensor4d(pixels, [pixels.length / imageSize ** 2, imageSize, imageSize, 1]);
	}

	/** Forward, backward, Adam. The loss is the caller's to dispose of. */
	step(): tf.Scalar {
		const loss = this.optimizer.minimize(() => this.loss(), true, [...this.variables.values()]);
		if (loss === null) throw new Error("tfjs gave no loss");
		return loss;
	}

	private variable(name: string): tf.Variable {
		const found = this.variables.get(name);
		if (found === undefined) throw new Error(`there is no weight ${name}`);
		return found;
	}

	private conv(x: tf.Tensor4D, name: string, stride: number, padding: number): tf.Tensor4D {
		const weight = this.variable(`${name}.weight`) as tf.Variable<tf.Rank.R4>;
		return tf.add(tf.conv2d(x, weight, stride, padding), this.variable(`${name}.bias`));
	}

	private convTranspose(x: tf.Tensor4D, name: string, stride: number): tf.Tensor4D {
		const weight = this.variable(`${name}.weight`) as tf.Variable<tf.Rank.R4>;
		const [batch, height, width] = x.shape;
		const shape: [number, number, number, number] = [batch, height * stride, width * stride, weight.shape[2]];
		return tf.add(tf.conv2dTranspose(x, weight, shape, stride, 1), this.variable(`${name}.bias`));
	}

	private loss(): tf.Scalar {
		const { codes, dimensions, beta } = settings;
		const first = tf.relu(this.conv(this.images, "encoder.convs.0", 2, 1));
		const second = tf.relu(this.conv(first, "encoder.convs.2", 2, 1));
		const z = this.conv(second, "encoder.convs.4", 1, 0);

		const rows = tf.reshape(z, [-1, dimensions]) as tf.Tensor2D;
		const codebook = this.variable("vq_layer.embeddings.weight") as tf.Variable<tf.Rank.R2>;
		const distances = tf.sub(
			tf.add(tf.sum(tf.square(rows), 1, true), tf.sum(tf.square(codebook), 1)),
			tf.mul(tf.matMul(rows, codebook, false, true), 2),
		);
		const indices = tf.argMin(distances, 1) as tf.Tensor1D;
		const nearest = tf.gather(codebook, indices);
		const straightThrough = tf.customGrad(() => ({
			value: tf.reshape(nearest, z.shape),
			gradFunc: (gradient: tf.Tensor) => gradient,
		}));
		// mse(q, sg[z]) + β mse(z, sg[q]), whose values are (1 + β) times the same mean.
		const quantizerLoss = tf.customGrad(() => ({
			value: tf.mul(tf.mean(tf.squaredDifference(rows, nearest)), 1 + beta) as tf.Scalar,
			gradFunc: (gradient: tf.Tensor) => {
				const towards = tf.mul(tf.sub(nearest, rows), tf.mul(gradient, 2 / rows.size));
				return [tf.mul(towards, -beta), tf.unsortedSegmentSum(towards, indices, codes)];
			},
		}));
		const quantized = straightThrough(z) as tf.Tensor4D;
		const vqLoss = quantizerLoss(rows, codebook);

		const up = tf.relu(this.convTranspose(quantized, "decoder.convs.0", 2));
		const upper = tf.relu(this.convTranspose(up, "decoder.convs.2", 2));
		const reconstruction = this.convTranspose(upper, "decoder.convs.4", 1);
		const reconLoss = tf.div(tf.mean(tf.squaredDifference(reconstruction, this.images)), this.dataVariance);
		return tf.add(reconLoss, vqLoss);
	}
}
