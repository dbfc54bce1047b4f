import { type Array64, map, zeros } from "./array.js";

interface SGDOptions {
	readonly lr?: number;
	readonly momentum?: number;
	readonly dampening?: number;
	readonly nesterov?: boolean;
	readonly weightDecay?: number;
}

/** torch.optim.SGD of one parameter. */
export class SGD {
	private buffer: Array64 | undefined;

	constructor(
		public weight: Array64,
		private readonly options: SGDOptions = {},
	) {}

	step(gradient: Array64): void {
		const { lr = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = this.options;
		const g = map(gradient, (value, i) => value + weightDecay * this.weight.data[i]);
		const before = this.buffer;
		const buffer = before === undefined ? g : map(before, (value, i) => momentum * value + (1 - dampening) * g.data[i]);
		this.buffer = buffer;
		const direction = momentum === 0 ? g : nesterov ? map(g, (value, i) => value + momentum * buffer.data[i]) : buffer;
		this.weight = map(this.weight, (value, i) => value - lr * direction.data[i]);
	}
}

interface RMSpropOptions {
	readonly lr?: number;
	readonly alpha?: number;
	readonly eps?: number;
	readonly momentum?: number;
	readonly centered?: boolean;
	readonly weightDecay?: number;
}

/** torch.optim.RMSprop of one parameter. */
export class RMSprop {
	private squares: Array64;
	private means: Array64;
	private buffer: Array64;

	constructor(
		public weight: Array64,
		private readonly options: RMSpropOptions = {},
	) {
		[this.squares, this.means, this.buffer] = [0, 1, 2].map(() => zeros(weight.shape)) as [Array64, Array64, Array64];
	}

	step(gradient: Array64): void {
		const { lr = 1e-2, alpha = 0.99, eps = 1e-8, momentum = 0, centered = false, weightDecay = 0 } = this.options;
		const g = map(gradient, (value, i) => value + weightDecay * this.weight.data[i]);
		this.squares = map(this.squares, (value, i) => alpha * value + (1 - alpha) * g.data[i] ** 2);
		this.means = map(this.means, (value, i) => alpha * value + (1 - alpha) * g.data[i]);
		this.buffer = map(this.buffer, (value, i) => {
			const spread = this.squares.data[i] - (centered ? this.means.data[i] ** 2 : 0);
			return momentum * value + g.data[i] / (Math.sqrt(spread) + eps);
		});
		this.weight = map(this.weight, (value, i) => value - lr * this.buffer.data[i]);
	}
}

/** decay · average + (1 − decay) · x. */
export function movingAverage(average: Array64, x: Array64, decay: number): Array64 {
	return map(average, (value, i) => decay * value + (1 - decay) * x.data[i]);
}

/** Gradients multiplied by maxNorm / norm, at most by 1, and the norm of all of them as one vector. */
export function clipGradNorm(gradients: readonly Array64[], maxNorm: number): { norm: number; clipped: Array64[] } {
	const norm = Math.sqrt(gradients.flatMap(({ data }) => [...data]).reduce((sum, value) => sum + value ** 2, 0));
	const factor = Math.min(1, maxNorm / (norm + 1e-6));
	return { norm, clipped: gradients.map((gradient) => map(gradient, (value) => factor * value)) };
}
