/**
 * The part of the learning rate at a step (counted from 0): it rises over the first steps, then falls to zero along half a
 * cosine (Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without the restarts).
 *
 * @param steps of the whole training
 * @param warmUp steps over which it rises
 */
export function cosineDecay(step: number, steps: number, warmUp: number): number {
	if (step < warmUp) return (step + 1) / (warmUp + 1);
	const done = Math.min(1, (step - warmUp) / Math.max(1, steps - warmUp));
	return (1 + Math.cos(Math.PI * done)) / 2;
}
