import { pcg3d } from "./pcg3d.js";

/** The code that is drawn from these logits for an image and a position. */
export function sampleCode(
	logits: ArrayLike<number>,
	{ temperature, topK, seed }: { temperature: number; topK: number; seed: number },
	position: number,
	image: number,
): number {
	const all = Array.from(logits);
	const largest = Math.max(...all);
	if (temperature === 0) return all.indexOf(largest);
	const threshold = [...all].sort((a, b) => b - a)[Math.min(topK, all.length) - 1];
	const weights = all.map((logit) => (logit >= threshold ? Math.exp((logit - largest) / temperature) : 0));
	const total = weights.reduce((sum, weight) => sum + weight, 0);
	const goal = ((pcg3d([seed, position, image]) >>> 8) / 2 ** 24) * total;
	let cumulated = 0;
	return weights.findIndex((weight) => {
		cumulated += weight;
		return goal < cumulated;
	});
}

/** log softmax(logits)[code] */
export function logProbability(logits: ArrayLike<number>, code: number): number {
	const largest = Math.max(...Array.from(logits));
	return (
		logits[code] - largest - Math.log(Array.from(logits).reduce((sum, logit) => sum + Math.exp(logit - largest), 0))
	);
}
