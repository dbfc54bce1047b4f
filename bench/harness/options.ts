import { ArgumentError, type Variant } from "tessera-gpu";
import { type CommandDeclaration, defineCommand } from "../../src/node/cli/command.js";
import type { Options, Values } from "../../src/node/cli/options.js";
import { adapter, count } from "../../src/node/cli/shared_options.js";

const variants: readonly Variant[] = ["portable", "tiled", "blocked"];

export const variant = {
	kind: "word",
	value: "name",
	words: variants,
	otherwise: "the adapter's own",
	help: "the kernels of Tessera: tiled for GPUs, blocked for CPU adapters",
} as const;

/** What every benchmark accepts. */
const options = {
	out: {
		kind: "text",
		value: "path",
		otherwise: "bench/results",
		help: "a .json file for the results, with a chart next to it, or a folder for <adapter>.<benchmark>.json",
	},
	compare: {
		kind: "text",
		value: "path",
		help: "an earlier .json file, or a folder of them: shows what moved beyond the noise",
	},
	rounds: { ...count, least: 2, default: 7, help: "rounds, in each of which every contender runs once" },
	budget: {
		kind: "number",
		value: "seconds",
		least: 0.1,
		default: 5,
		help: "time per row after which no further round begins",
	},
	only: { kind: "text", value: "part", help: "only the rows whose name contains this" },
	adapter,
	variant,
	noTfjs: { kind: "flag", help: "leave out tfjs and jax-js" },
	list: { kind: "flag", help: "print the names of the rows, and measure nothing" },
} as const satisfies Options;

/** Of nearestCode: rows, codes and dimensions. Of matmul: rows, inner dimension and columns. */
export type Size = readonly [number, number, number];

export interface BenchmarkOptions extends Omit<Values<typeof options>, "noTfjs"> {
	/** Whether to run tfjs (and jax-js) as well. */
	readonly tfjs: boolean;
	/** Sizes N×K×D instead of the benchmark's own. */
	readonly size: readonly Size[] | undefined;
}

/** A benchmark's command; `sized` adds --size. */
export function benchmarkCommand(
	name: string,
	description: string,
	{ sized = false }: { readonly sized?: boolean },
	measure: (options: BenchmarkOptions) => void | Promise<void>,
): CommandDeclaration {
	const size = { kind: "text", value: "NxKxD", help: "these sizes, separated by commas" } as const;
	return defineCommand({
		name,
		summary: description,
		description,
		examples: [`npm run ${name}`, `npm run ${name} -- --no-tfjs`],
		arguments: {},
		options: { ...(sized ? { size } : {}), ...options },
		run: ({ noTfjs, size, ...given }) =>
			measure({ ...given, tfjs: !noTfjs, size: size === undefined ? undefined : sizesOf(size) }),
	});
}

/** @throws ArgumentError if a size is not three whole numbers of at least 1 */
export function sizesOf(text: string): Size[] {
	return text.split(",").map((size) => {
		const numbers = size.split(/[x×]/).map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
		if (numbers.length !== 3 || !numbers.every((number) => number >= 1 && Number.isSafeInteger(number)))
			throw new ArgumentError(
				`--size must be three whole numbers of at least 1, such as 6272x128x16, but is "${size}".`,
			);
		return numbers as [number, number, number];
	});
}
