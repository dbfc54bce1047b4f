import { cac } from "cac";
import { type AdapterChoice, ArgumentError } from "tessera-gpu";
import { adapter, adapterHelp, number, type Options, text } from "../../src/node/arguments.js";

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
}

/**
 * Reads the command line of a benchmark; nothing where it only asked for help.
 *
 * @throws ArgumentError, and cac's own error for an option that there is not.
 */
export function parseOptions(name: string, description: string, argv: readonly string[]): BenchmarkOptions | undefined {
	const cli = cac(`npm run ${name} --`);
	let result: BenchmarkOptions | undefined;
	cli
		.command("", description)
		.option("--out <path>", "JSON file for the results, with a chart beside it, or a folder (default: bench/results)")
		.option("--compare <path>", "Earlier JSON file, or a folder of them: shows what moved beyond the noise")
		.option("--rounds <count>", "Turns that ours and tfjs take", { default: 7 })
		.option("--budget <seconds>", "Time a row, after which no further round begins after the second", {
			default: 5,
		})
		.option("--only <part>", "Only the rows whose name has this in it")
		.option("--adapter <name>", adapterHelp)
		.option("--no-tfjs", "Only ours, nothing beside it")
		.action((options: Options) => {
			result = {
				out: text(options, "out"),
				compare: text(options, "compare"),
				rounds: number(options, "rounds", 2),
				budget: number(options, "budget", 0.1, false),
				only: text(options, "only"),
				adapter: adapter(options),
				tfjs: options.tfjs !== false,
			};
		});
	cli.help();
	cli.parse(["node", name, ...argv], { run: false });
	if (cli.options.help === true) return undefined;
	cli.runMatchedCommand();
	if (cli.args.length > 0) throw new ArgumentError(`"${cli.args[0]}" is no option; see --help.`);
	return result;
}
