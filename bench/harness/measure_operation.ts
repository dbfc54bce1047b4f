import type { Tensor } from "tessera-gpu";
import type { Bench } from "./benchmark.js";
import { gpuTime, ours } from "./ours.js";
import { compareResults, type Library, openLibraries } from "./peers.js";
import { type Times, timesOf } from "./times.js";
import { notesOn, type Result, timeAlternately } from "./timing.js";

/** An operation next to the same in other libraries. */
export interface OperationMeasurement {
	readonly times: Times;
	/** Our time by timestamps, the median. */
	readonly gpuMs: number;
	/** The times of all contenders, by name. */
	readonly results: ReadonlyMap<string, Result>;
	/**
	 * The largest difference of a library's result from ours over its largest magnitude, by the contender's
	 * name.
	 */
	readonly differences: ReadonlyMap<string, number>;
	/** Elements of the result. */
	readonly size: number;
	readonly note: string | undefined;
}

/**
 * Compares the result of an operation with those of other libraries, and times those that agree.
 *
 * @param openers open the operation in other libraries; they are not called if the options leave these out
 * @throws Error if none of them has our result
 */
export async function measureOperation(
	{ gpu, options }: Bench,
	operation: () => Tensor,
	openers: readonly (() => Promise<Library>)[],
): Promise<OperationMeasurement> {
	const notes: string[] = [];
	const libraries = await openLibraries(options.tfjs ? openers : [], notes);
	try {
		using result = operation();
		const peers = libraries.flatMap((library) => library.peers);
		const { differences, right, wrong } = compareResults(await result.data(), peers);
		for (const name of wrong) notes.push(`${name} gives a wrong result and is left out`);
		const contenders = right.map(({ contender }) => contender);
		const results = await timeAlternately([ours(gpu, operation), ...contenders], options);
		notes.push(...notesOn(results));
		return {
			times: timesOf(results),
			gpuMs: await gpuTime(gpu, operation, options),
			results,
			differences,
			size: result.size,
			note: notes.length === 0 ? undefined : notes.join("; "),
		};
	} finally {
		for (const library of libraries) library.close();
	}
}
