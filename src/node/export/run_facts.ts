import { basename, dirname, join, resolve } from "node:path";
import { readFileIfThere } from "../files.js";
import { readMetrics } from "../runs/metrics_file.js";
import { type RunConfig, readRunConfig } from "../runs/run_config.js";

/** How well a model does on the images that were held out. */
export interface HeldOutNumbers {
	readonly nmse: number;
	readonly perplexity: number;
	readonly codesInUse: number;
}

/** What the folder of a run says of a model in it. */
export interface RunFacts {
	/** The name of the folder. */
	readonly name: string;
	readonly config: RunConfig;
	/** "test" or "validation" */
	readonly heldOut: string;
	/** undefined if they are not known, as for a file of weights that the training did not write under this name. */
	readonly numbers: HeldOutNumbers | undefined;
	/** A PNG of originals above reconstructions. */
	readonly picture: Uint8Array | undefined;
}

/**
 * Reads what is known of the model in the folder of a run.
 *
 * @param file the model's file
 * @throws DataError if the folder is not that of a run
 */
export async function readRunFacts(file: string): Promise<RunFacts> {
	const run = dirname(file);
	const config = await readRunConfig(run);
	const tests = (await readMetrics(join(run, "metrics.jsonl"))).filter(isTest);
	return {
		name: basename(resolve(run)),
		config,
		heldOut: config.heldOut === "validation" ? "validation" : "test",
		numbers: numbersOf(basename(file), tests),
		picture: await readFileIfThere(join(run, "reconstructions.png")),
	};
}

/** model.safetensors has the weights of the last epoch, best.safetensors those with the smallest error. */
function numbersOf(file: string, tests: readonly HeldOutNumbers[]): HeldOutNumbers | undefined {
	if (file === "model.safetensors") return tests.at(-1);
	if (file !== "best.safetensors") return undefined;
	return tests.reduce<HeldOutNumbers | undefined>(
		(best, test) => (best === undefined || test.nmse < best.nmse ? test : best),
		undefined,
	);
}

type Row = Readonly<Record<string, unknown>>;

function isTest(row: Row): row is Row & HeldOutNumbers {
	return row.type === "epoch" && [row.nmse, row.perplexity, row.codesInUse].every((value) => typeof value === "number");
}
