import { type Array64, zeros } from "./array.js";

/** PyTorch's names and defaults. */
export interface AdamOptions {
	readonly lr?: number;
	readonly betas?: readonly [number, number];
	readonly eps?: number;
}

/** Adam as in PyTorch (no weight decay, no amsgrad) for one parameter, which each step changes in place. */
export class Adam {
	private readonly firstMoment: Array64;
	private readonly secondMoment: Array64;
	private steps = 0;

	constructor(
		private readonly parameter: Array64,
		private readonly options: AdamOptions = {},
	) {
		this.firstMoment = zeros(parameter.shape);
		this.secondMoment = zeros(parameter.shape);
	}

	/** m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  p ← p − lr · (m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + eps). */
	step(gradient: Array64): void {
		const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8 } = this.options;
		const [m, v] = [this.firstMoment.data, this.secondMoment.data];
		this.steps++;
		gradient.data.forEach((g, i) => {
			m[i] = betas[0] * m[i] + (1 - betas[0]) * g;
			v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g;
			const unbiasedM = m[i] / (1 - betas[0] ** this.steps);
			const unbiasedV = v[i] / (1 - betas[1] ** this.steps);
			this.parameter.data[i] -= (lr * unbiasedM) / (Math.sqrt(unbiasedV) + eps);
		});
	}
}
