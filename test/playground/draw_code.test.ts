import { Random } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
	type DrawOptions,
	drawCode,
	drawProbabilities,
	likeliest,
} from "../../examples/playground/worker/prior/draw_code.js";
import { pcg3d } from "../reference/pcg3d.js";
import { sampleCode } from "../reference/sample_codes.js";

const test = suite("the playground draws codes as samplePrior does");

const codes = 50;

/** Logits of which some are equal, so that the last of the top k has equals. */
function logitsOf(random: Random): Float32Array {
	return Float32Array.from({ length: codes }, () => Math.round(4 * random.normal()) / 2);
}

test("the same random number draws the same code", () => {
	const random = new Random(3);
	const all: DrawOptions[] = [0, 1e-6, 0.5, 1, 1.5].flatMap((temperature) =>
		[1, 5, codes, undefined].map((topK) => ({ temperature, topK })),
	);
	for (const options of all)
		for (let image = 0; image < 40; image++) {
			const logits = logitsOf(random);
			const uniform = (pcg3d([7, 2, image]) >>> 8) / 2 ** 24;
			assert.is(
				drawCode(drawProbabilities(logits, options), uniform),
				sampleCode(logits, { temperature: options.temperature, topK: options.topK ?? codes, seed: 7 }, 2, image),
				JSON.stringify(options),
			);
		}
});

test("probabilities are softmax(logits / temperature) over the top k, and sum to 1", () => {
	const probabilities = drawProbabilities(Float32Array.of(1, 3, 2, 2, -1), { temperature: 0.5, topK: 2 });
	const sum = Math.exp(0) + 2 * Math.exp(-2);
	assert.equal(
		Array.from(probabilities, (p) => p.toFixed(12)),
		[0, 1 / sum, Math.exp(-2) / sum, Math.exp(-2) / sum, 0].map((p) => p.toFixed(12)),
	);
	assert.equal(
		likeliest(probabilities, 2).map(({ code }) => code),
		[1, 2],
	);
	assert.is(likeliest(probabilities, 12).length, 3, "codes without probability are left out");
});

test("the largest random number draws the last code that has a probability", () => {
	const probabilities = drawProbabilities(Float32Array.of(0, 0, -1000), { temperature: 1, topK: undefined });
	assert.is(drawCode(probabilities, 1 - 2 ** -53), 1);
});

test.run();
