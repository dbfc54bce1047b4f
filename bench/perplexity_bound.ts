// The highest perplexity that any quantizer behind the notes' encoder can have on a test set: an encoder of convolutions
// gives the same latent wherever the pixels that it sees are the same, and one latent has one code.
//   node build/bench/perplexity_bound.js --data mnist --codes 128
import { cac } from "cac";
import { type ImageSet, TesseraError } from "tessera-gpu";
import { number, type Options, text } from "../src/node/arguments.js";
import { loadDataset } from "../src/node/datasets.js";

/** A latent sees 7 × 7 pixels, of which the first three rows and columns may lie outside the image. */
const seen = 7;
const stride = 4;
const before = 3;

/** How often each patch occurs that a latent sees; what lies outside the image is a value of its own. */
function patchCounts({ pixels, count, channels, height, width }: ImageSet): number[] {
	const counts = new Map<string, number>();
	const outside = 256;
	for (let n = 0; n < count; n++)
		for (let top = -before; top + seen <= height; top += stride)
			for (let left = -before; left + seen <= width; left += stride) {
				const patch: number[] = [];
				for (let channel = 0; channel < channels; channel++)
					for (let y = top; y < top + seen; y++)
						for (let x = left; x < left + seen; x++)
							patch.push(x < 0 || y < 0 ? outside : pixels[((n * channels + channel) * height + y) * width + x]);
				const key = String.fromCharCode(...patch);
				counts.set(key, (counts.get(key) ?? 0) + 1);
			}
	return [...counts.values()].sort((a, b) => b - a);
}

/**
 * exp of the highest entropy of K codes when each patch has one: the most frequent patches have codes of their own as long
 * as they exceed an even share of what is left, and the rest is shared out evenly.
 */
function perplexityBound(counts: readonly number[], codes: number): number {
	const total = counts.reduce((sum, count) => sum + count, 0);
	let rest = total;
	let entropy = 0;
	let own = 0;
	for (const count of counts) {
		if (own === codes - 1 || count <= rest / (codes - own)) break;
		entropy -= (count / total) * Math.log(count / total);
		rest -= count;
		own++;
	}
	if (rest > 0) entropy -= (rest / total) * Math.log(rest / total / (codes - own));
	return Math.exp(entropy);
}

const cli = cac("node build/bench/perplexity_bound.js");
cli
	.command("", "The highest perplexity that codes of the notes' encoder can have on a test set")
	.option("--data <source>", "mnist, fashion-mnist or a folder, as for tessera train", { default: "mnist" })
	.option("--codes <K>", "Codes in the codebook", { default: 128 })
	.action(async (options: Options) => {
		const { test } = await loadDataset(text(options, "data") ?? "mnist");
		const counts = patchCounts(test);
		const codes = number(options, "codes", 1);
		const total = counts.reduce((sum, count) => sum + count, 0);
		const shares = counts.slice(0, 4).map((count) => `${((100 * count) / total).toFixed(1)} %`);
		console.log(
			`${test.name}: ${total} patches, ${counts.length} different ones; the most frequent are ${shares.join(", ")} of all.`,
		);
		console.log(`Perplexity of ${codes} codes: at most ${perplexityBound(counts, codes).toFixed(1)}.`);
	});
cli.help();
try {
	cli.parse(process.argv, { run: false });
	await cli.runMatchedCommand();
} catch (error) {
	process.stderr.write(`${error instanceof TesseraError ? error.message : (error as Error).stack}\n`);
	process.exitCode = 1;
}
