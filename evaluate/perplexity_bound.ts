// The highest perplexity that any quantizer behind the reference network's encoder can have on a test set: an encoder of
// convolutions gives the same latent wherever the pixels that it sees are the same, and one latent has one code.
//   npm run evaluate:perplexity -- --data mnist --codes 128
import { defineCommand } from "../src/node/cli/command.js";
import { programOf, runProgram } from "../src/node/cli/program.js";
import { count } from "../src/node/cli/shared_options.js";
import { loadDataset } from "../src/node/datasets/datasets.js";
import { patchCounts, perplexityBound } from "./perplexity/bound.js";

const command = defineCommand({
	name: "evaluate:perplexity",
	summary: "The highest perplexity that codes can have on a test set",
	description: "Compute the highest perplexity that codes of the reference network's encoder can have on a test set.",
	examples: ["npm run evaluate:perplexity -- --data mnist --codes 128"],
	arguments: {},
	options: {
		data: {
			kind: "text",
			value: "source",
			default: "mnist",
			help: "mnist, fashion-mnist or a folder, as for tessera train",
		},
		codes: { ...count, value: "K", default: 128, help: "codes in the codebook" },
	},
	async run({ data, codes }) {
		const { test } = await loadDataset(data);
		const counts = patchCounts(test);
		const total = counts.reduce((sum, count) => sum + count, 0);
		const shares = counts.slice(0, 4).map((count) => `${((100 * count) / total).toFixed(1)} %`);
		console.log(
			`${test.name}: ${total} patches, ${counts.length} different ones; the most frequent are ${shares.join(", ")} of all.`,
		);
		console.log(`Perplexity of ${codes} codes: at most ${perplexityBound(counts, codes).toFixed(1)}.`);
	},
});

await runProgram(programOf(command), process.argv.slice(2));
