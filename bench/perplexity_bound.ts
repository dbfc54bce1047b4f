// The highest perplexity that any quantizer behind the encoder of the reference network can have on a test set: a
// convolutional encoder gives equal latents to equal patches, and a latent has one code.
//   node build/bench/perplexity_bound.js --data mnist --codes 128
import { cac } from "cac";
import { TesseraError } from "tessera-gpu";
import { type Options, text, whole } from "../src/node/cli/arguments.js";
import { loadDataset } from "../src/node/datasets/datasets.js";
import { patchCounts, perplexityBound } from "./perplexity/bound.js";

const cli = cac("node build/bench/perplexity_bound.js");
cli
	.command("", "The highest perplexity that codes of the reference network's encoder can have on a test set")
	.option("--data <source>", "mnist, fashion-mnist or a folder, as for tessera train", { default: "mnist" })
	.option("--codes <K>", "Codes in the codebook", { default: 128 })
	.action(async (options: Options) => {
		const { test } = await loadDataset(text(options, "data") ?? "mnist");
		const counts = patchCounts(test);
		const codes = whole(options, "codes", 1);
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
