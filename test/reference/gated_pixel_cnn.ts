import { type Array64, map, zeros } from "./array.js";
import { type ConvolutionOptions, conv2d } from "./convolution.js";
import { gatedActivation } from "./gated_activation.js";

/** The parameters by their names in the state dict. */
export type Parameters64 = Readonly<Record<string, Array64>>;

function add(a: Array64, b: Array64): Array64 {
	return map(a, (value, i) => value + b.data[i % b.data.length]);
}

/** The vectors of the codes [B, h, w] along the channels: [B, C, h, w]. */
function lookUp(codes: ArrayLike<number>, [batch, height, width]: readonly number[], table: Array64): Array64 {
	const [, channels] = table.shape;
	const plane = height * width;
	const y = zeros([batch, channels, height, width]);
	y.data.forEach((_, i) => {
		const image = Math.floor(i / (plane * channels));
		y.data[i] = table.data[codes[image * plane + (i % plane)] * channels + (Math.floor(i / plane) % channels)];
	});
	return y;
}

/** No dropout. */
const keepAll = (x: Array64) => x;

/**
 * The mean cross-entropy of codes [B, h, w] under a gated PixelCNN, with masks: each convolution has a whole kernel, of
 * which the taps that must not be seen are 0. That is how the paper has it, and not how the library does.
 *
 * @param drop what becomes of the values that dropout is applied to, in the order of the layers
 */
export function gatedPixelCNNLoss(
	parameters: Parameters64,
	codes: ArrayLike<number>,
	grid: readonly [batch: number, height: number, width: number],
	labels: ArrayLike<number>,
	layers: number,
	drop: (x: Array64) => Array64 = keepAll,
): number {
	const [batch, height, width] = grid;
	const of = (name: string) => {
		const parameter = parameters[name];
		if (parameter === undefined) throw new Error(`no ${name}`);
		return parameter;
	};
	const pointwise = (x: Array64, name: string) => conv2d(x, of(`${name}.weight`), of(`${name}.bias`));
	/** With the taps of a small kernel in the first rows or columns of one of k × k, or 1 × k. */
	const masked = (x: Array64, name: string, kernel: readonly [number, number]) => {
		const small = of(`${name}.weight`);
		const [outputs, inputs, rows, columns] = small.shape;
		const whole = zeros([outputs, inputs, ...kernel]);
		small.data.forEach((value, i) => {
			const [channels, row, column] = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns];
			whole.data[(channels * kernel[0] + row) * kernel[1] + column] = value;
		});
		const options: ConvolutionOptions = { padding: [Math.floor(kernel[0] / 2), Math.floor(kernel[1] / 2)] };
		return conv2d(x, whole, of(`${name}.bias`), options);
	};
	const classes = (name: string): { bias?: Array64 } => {
		const table = parameters[name];
		if (table === undefined) return {};
		const [, length] = table.shape;
		const bias = zeros([batch, length]);
		bias.data.forEach((_, i) => {
			bias.data[i] = table.data[labels[Math.floor(i / length)] * length + (i % length)];
		});
		return { bias };
	};

	const kernelSize = of("layers.0.vertical_conv.weight").shape[3];
	let horizontal = add(lookUp(codes, grid, of("embedding.weight")), of("position"));
	let vertical = horizontal;
	for (let i = 0; i < layers; i++) {
		const name = `layers.${i}`;
		const above = masked(vertical, `${name}.vertical_conv`, [kernelSize, kernelSize]);
		const left = masked(horizontal, `${name}.horizontal_conv`, [1, kernelSize]);
		const sums = add(left, pointwise(above, `${name}.vertical_to_horizontal`));
		const gated = drop(gatedActivation(sums, classes(`${name}.horizontal_classes`)));
		const out = pointwise(gated, `${name}.horizontal_out`);
		horizontal = add(out, i === 0 ? of("position") : horizontal);
		vertical = gatedActivation(above, classes(`${name}.vertical_classes`));
	}
	const relu = (x: Array64) => map(x, (value) => Math.max(0, value));
	const logits = pointwise(drop(relu(pointwise(relu(horizontal), "head.1"))), "head.3");
	const [, count] = logits.shape;
	const plane = height * width;
	let loss = 0;
	for (let i = 0; i < batch * plane; i++) {
		const column = Array.from(
			{ length: count },
			(_, k) => logits.data[(Math.floor(i / plane) * count + k) * plane + (i % plane)],
		);
		loss += Math.log(column.reduce((sum, logit) => sum + Math.exp(logit), 0)) - column[codes[i]];
	}
	return loss / (batch * plane);
}
