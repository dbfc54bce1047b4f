import dropoutKernel from "../../kernels/dropout.wgsl";
import { record } from "../autograd/tape.js";
import { checkFlag, checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, sameShape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { wordsOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";

export interface DropoutOptions {
	/** The probability that an element is dropped, in [0, 1) (default 0.5). */
	readonly p?: number;
	/** If false, x is returned as it is (default true). */
	readonly training?: boolean;
	/**
	 * uint32 [2]: a seed and the number of the step, which decide what is dropped. It is read on the GPU, so a captured step can
	 * feed it. It must not change before the backward pass. Default: it depends on `gpu.manualSeed` and on what was drawn since
	 * then; each replay of a captured step drops others.
	 */
	readonly random?: Tensor<"uint32">;
}

/** @throws ArgumentError unless a probability is in [0, 1) */
export function checkDropout(name: string, setting: string, p: number): void {
	checkNumber(name, setting, p, { least: 0, below: 1 });
}

/** Options that say by themselves which elements are dropped. */
export type SeededDropout = Required<Pick<DropoutOptions, "p" | "random">>;

/** @throws ArgumentError, DTypeError, ShapeError unless they are such options */
export function checkSeededDropout(name: string, options: SeededDropout): void {
	checkOptions(name, options, ["p", "random"]);
	const { p, random } = options;
	checkDropout(name, "p", p);
	checkTensor(name, "random", random, "uint32");
	if (!sameShape(random.shape, [2]))
		throw new ShapeError(`${name}: random must be [2], but has shape ${formatShape(random.shape)}.`);
}

/**
 * Each element is x / (1 − p) with a probability of 1 − p, else 0, independently of the others, as
 * torch.nn.functional.dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014).
 * Which ones are dropped does not depend on the layout.
 *
 * @param x float32, any shape
 * @param first the number of its first element: tensors of one `random` whose numbers do not overlap are dropped independently
 * @throws ArgumentError, ShapeError, DTypeError, DeviceMismatchError
 * @example
 * const y = dropout(x, { p: 0.1 });
 */
export function dropout(x: Tensor, options: DropoutOptions = {}, first = 0): Tensor {
	const name = "dropout";
	checkTensor(name, "x", x, "float32");
	checkOptions(name, options, ["p", "training", "random"]);
	const { p = 0.5, training = true, random } = options;
	checkDropout(name, "p", p);
	checkFlag(name, "training", training);
	if (random !== undefined) checkSeededDropout(name, { p, random });
	const gpu = commonGpu(name, x, random);
	if (!training || p === 0) return record(name, x.share(), [x], [], (gradient) => [gradient.share()]);
	const constants = { THRESHOLD: Math.ceil(p * 2 ** 24), SCALE: 1 / (1 - p) };
	const key = random === undefined ? gpu.randomKey() : () => random.memory();
	/** The elements of a tensor like x that are kept, scaled, in its layout. */
	const masked = (of: Tensor) =>
		gpu.scope(() => {
			const { layout } = of;
			const out = gpu.empty(of.shape, "float32", layout);
			const [, channels, ...plane] = of.shape;
			const isBlocked = layout === "blocked";
			gpu.launch(isBlocked ? gpu.blockedKernels.dropout : dropoutKernel, {
				constants: isBlocked ? { ...constants, CHANNELS: channels, PLANE: sizeOf(plane) } : constants,
				bindings: [of.memory(layout), key(), out.memory(layout)],
				uniforms: { first },
				workgroups: Math.ceil(isBlocked ? wordsOf(of.shape, "blocked") / 256 : of.size / 64),
			});
			return out;
		});
	return record(name, masked(x), [x], random === undefined ? [] : [random], (gradient) => [masked(gradient)]);
}
