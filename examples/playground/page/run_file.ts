// A run as JSON.
import type { Evaluation, Machine } from "../shared/frames.js";
import { type Settings, toQuery } from "../shared/settings.js";
import { linkTo } from "./actions.js";
import type { Curves } from "./store.js";

interface RunParts {
	readonly name: string | undefined;
	readonly settings: Settings;
	readonly step: number;
	readonly milliseconds: number;
	readonly evaluation: Evaluation | undefined;
	readonly curves: Curves | undefined;
	readonly machine: Machine | undefined;
}

/** The text of a JSON file that describes a run. */
export function toJson({ name, settings, step, milliseconds, evaluation, curves, machine }: RunParts): string {
	const { training, test } = curves ?? {};
	const [nmse, perplexity, loss] = training?.columns ?? [];
	const [testNmse, testPerplexity] = test?.columns ?? [];
	const contents = {
		format: "tessera run",
		version: 1,
		tessera: TESSERA_VERSION,
		name,
		link: linkTo(settings),
		query: toQuery(settings),
		settings,
		step,
		seconds: milliseconds / 1000,
		evaluation,
		adapter: machine?.adapter,
		software: machine?.software,
		curves:
			curves === undefined
				? undefined
				: {
						training: { step: training?.steps, nmse, perplexity, loss },
						test: { step: test?.steps, nmse: testNmse, perplexity: testPerplexity },
					},
	};
	return `${JSON.stringify(contents, undefined, 1)}\n`;
}
