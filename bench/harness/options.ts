import { cac } from "cac";
import { type AdapterChoice, ArgumentError, type Variant } from "tessera-gpu";
import { adapter, adapterHelp, number, type Options, text, whole } from "../../src/node/cli/arguments.js";

/** What every benchmark can be told. */
export interface BenchmarkOptions {
	/** The JSON file to write, or a folder for files named after the adapter and the benchmark (default bench/results/). */
	readonly out: string | undefined;
	/** An earlier JSON file to compare with, or the folder with such files. */
	readonly compare: string | undefined;
	/** How often ours and tfjs get their turn. */
	readonly rounds: number;
	/** Seconds a row, after which no further round begins. */
	readonly budget: number;
	/** Only the rows whose name has this in it. */
	readonly only: string | undefined;
	readonly adapter: AdapterChoice | undefined;
	/** Whether to run tfjs (and jax-js) beside ours. */
	readonly tfjs: boolean;
	/** The variant of our kernels; the adapter's own by default. */
	readonly variant: Variant | undefined;
	/** Sizes N×K×D instead of the benchmark's own. */
	readonly size: readonly Size[] | undefined;
	/** Only print the names of the rows. */
	readonly list: boolean;
}

/** Rows, codes and dimensions. */
export type Size = readonly [rows: number, codes: number, dimensions: number];

const variants: readonly Variant[] = ["portable", "blocked"];

function variantOf(options: Options): Variant | undefined {
	const name = text(options, "variant");
	const variant = variants.find((variant) => variant === name);
	if (name !== undefined && variant === undefined)
		throw new ArgumentError(`--variant must be ${variants.join(" or ")}, but is "${name}".`);
	return variant;
}

/** @throws ArgumentError if a size is not three whole numbers of at least 1 */
function sizesOf(options: Options): Size[] | undefined {
	return text(options, "size")
		?.split(",")
		.map((size) => {
			const numbers = size.split(/[x×]/).map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
			if (numbers.length !== 3 || !numbers.every((number) => number >= 1 && Number.isSafeInteger(number)))
				throw new ArgumentError(`--size must be NxKxD, three whole numbers of at least 1, but is "${size}".`);
			return numbers as [number, number, number];
		});
}

/**
 * Reads the command line of a benchmark; nothing where it only asked for help.
 *
 * @throws ArgumentError, and cac's own error for an option that there is not.
 */
export function parseOptions(
	name: string,
	description: string,
	argv: readonly string[],
	{ sized = false }: { readonly sized?: boolean } = {},
): BenchmarkOptions | undefined {
	const cli = cac(`npm run ${name} --`);
	let result: BenchmarkOptions | undefined;
	const command = cli.command("", description);
	if (sized) command.option("--size <NxKxD>", "Other sizes than the benchmark's, separated by commas");
	command
		.option("--out <path>", "JSON file for the results, with a chart beside it, or a folder (default: bench/results)")
		.option("--compare <path>", "Earlier JSON file, or a folder of them: shows what moved beyond the noise")
		.option("--rounds <count>", "Turns that ours and tfjs take", { default: 7 })
		.option("--budget <seconds>", "Time a row, after which no further round begins after the second", {
			default: 5,
		})
		.option("--only <part>", "Only the rows whose name has this in it")
		.option("--adapter <name>", adapterHelp)
		.option(
			"--variant <variant>",
			"Our kernels: portable (those of GPUs) or blocked (those of CPU adapters); the adapter's own by default",
		)
		.option("--no-tfjs", "Leave out tfjs and jax-js, which are measured otherwise")
		.option("--list", "Print the names of the rows, and measure nothing")
		.action((options: Options) => {
			result = {
				out: text(options, "out"),
				compare: text(options, "compare"),
				rounds: whole(options, "rounds", 2),
				budget: number(options, "budget", { least: 0.1 }),
				only: text(options, "only"),
				adapter: adapter(options),
				tfjs: options.tfjs !== false,
				variant: variantOf(options),
				size: sizesOf(options),
				list: options.list === true,
			};
		});
	// The parser takes an option --no-x for one that is on by default, and would say so.
	cli.help((sections) =>
		sections.map(({ title, body }) => ({
			...(title !== undefined && { title }),
			body: body.replace(/^(\s*--no-.*) \(default: true\)$/gm, "$1"),
		})),
	);
	cli.parse(["node", name, ...argv], { run: false });
	if (cli.options.help === true) return undefined;
	cli.runMatchedCommand();
	if (cli.args.length > 0) throw new ArgumentError(`"${cli.args[0]}" is no option; see --help.`);
	return result;
}
