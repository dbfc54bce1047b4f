/**
 * A learning-rate schedule: linear warm-up, then a cosine decay to zero (Loshchilov & Hutter, "SGDR:
 * stochastic gradient descent with warm restarts", 2017, without the restarts).
 *
 * @param step counted from 0
 * @param steps of the whole training
 * @param warmUp the number of steps over which the rate rises
 * @returns the factor of the learning rate, in [0, 1]
 */
export function cosineDecay(step: number, steps: number, warmUp: number): number {
	if (step < warmUp) return (step + 1) / (warmUp + 1);
	const done = Math.min(1, (step - warmUp) / Math.max(1, steps - warmUp));
	return (1 + Math.cos(Math.PI * done)) / 2;
}
