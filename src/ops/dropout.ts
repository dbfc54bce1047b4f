import dropoutKernel from "../../kernels/dropout.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, sameShape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { wordsOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { launchElements } from "./launch.js";

/** Which elements are dropped in a step. */
export interface DropoutOptions {
	/** The probability that an element is dropped, in [0, 1). */
	readonly p: number;
	/**
	 * uint32 [2]: a seed and the number of the step, which decide what is dropped. It is read on the GPU, so a captured step can
	 * feed it. It must not change before the backward pass.
	 */
	readonly random: Tensor<"uint32">;
}

/** @throws ArgumentError unless a probability is in [0, 1) */
export function checkDropout(name: string, setting: string, p: number): void {
	checkNumber(name, setting, p, { least: 0, below: 1 });
}

/** @throws ArgumentError, DTypeError, ShapeError unless they are such options */
export function checkDropoutOptions(name: string, options: DropoutOptions): void {
	checkOptions(name, options, ["p", "random"]);
	checkDropout(name, "p", options.p);
	checkTensor(name, "random", options.random, "uint32");
	if (!sameShape(options.random.shape, [2]))
		throw new ShapeError(`${name}: random must be [2], but has shape ${formatShape(options.random.shape)}.`);
}

/**
 * Each element is x / (1 − p) with a probability of 1 − p, else 0, independently of the others (Srivastava et al., "Dropout: a
 * simple way to prevent neural networks from overfitting", 2014). Which ones are dropped does not depend on the layout.
 *
 * @param x float32, any shape
 * @param first the number of its first element: tensors of one step whose numbers do not overlap are dropped independently
 * @throws ArgumentError, ShapeError, DTypeError, DeviceMismatchError
 */
export function dropout(x: Tensor, options: DropoutOptions, first = 0): Tensor {
	const name = "dropout";
	checkTensor(name, "x", x, "float32");
	checkDropoutOptions(name, options);
	const { p, random } = options;
	const gpu = commonGpu(name, x, random);
	const constants = { THRESHOLD: Math.ceil(p * 2 ** 24), SCALE: 1 / (1 - p) };
	/** The elements of a tensor like x that are kept, scaled, in its layout. */
	const masked = (of: Tensor) => {
		const out = gpu.empty(of.shape, "float32", of.layout);
		if (out.layout === "contiguous") {
			launchElements(dropoutKernel, out.size, [of, random, out], { constants, uniforms: { first } });
			return out;
		}
		const [, channels, ...plane] = of.shape;
		gpu.launch(gpu.blockedKernels.dropout, {
			constants: { ...constants, CHANNELS: channels, PLANE: sizeOf(plane) },
			bindings: [of.memory("blocked"), random.memory(), out.memory("blocked")],
			uniforms: { first },
			workgroups: Math.ceil(wordsOf(of.shape, "blocked") / 256),
		});
		return out;
	};
	return record(name, masked(x), [x], [random], (gradient) => [masked(gradient)]);
}
