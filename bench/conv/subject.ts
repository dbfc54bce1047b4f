import { conv2d, convTranspose2d, type Gpu, noGrad, type Tensor } from "tessera-gpu";
import type { Direction, Layer, LayerData } from "./layers.js";

export function layerData({ batch, large, small, kernel }: Layer, value: () => number): LayerData {
	const values = (length: number) => Float32Array.from({ length }, value);
	return {
		large: values(batch * large[0] * large[1] ** 2),
		small: values(batch * small[0] * small[1] ** 2),
		weight: values(small[0] * large[0] * kernel ** 2),
	};
}

/** A direction of a layer through the public operations: what is timed, and its inputs. */
interface Subject {
	readonly operation: () => Tensor;
	readonly dispose: () => void;
}

/** @throws Error if the operation gives no gradient */
export function subject(gpu: Gpu, layer: Layer, direction: Direction, data: LayerData): Subject {
	const { batch, kernel, stride, padding, transposed } = layer;
	const image = (side: "large" | "small") =>
		gpu.tensor(data[side], [batch, layer[side][0], layer[side][1], layer[side][1]]);
	const x = image(transposed ? "small" : "large");
	const gradient = image(transposed ? "large" : "small");
	const weight = gpu.tensor(data.weight, [layer.small[0], layer.large[0], kernel, kernel]);
	const forward = () =>
		transposed
			? convTranspose2d(x, weight, { stride, padding, outputPadding: stride - 1 })
			: conv2d(x, weight, { stride, padding });
	if (direction === "forward")
		return { operation: forward, dispose: () => [x, gradient, weight].forEach((tensor) => void tensor.dispose()) };
	// Only what asks for a gradient gets one, so each is computed alone.
	const [wanted, which] = direction === "input-gradient" ? [x, 0] : [weight, 1];
	wanted.requiresGrad = true;
	const y = forward();
	const { gradientNode } = y;
	return {
		operation: () => {
			const result = noGrad(() => gradientNode?.backward(gradient, () => undefined))?.[which];
			if (!result) throw new Error(`${layer.name} gives no ${direction}`);
			return result;
		},
		dispose: () => [x, gradient, weight, y].forEach((tensor) => void tensor.dispose()),
	};
}
