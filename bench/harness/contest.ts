import { type Spread, spreadOf } from "./statistics.js";

/** Something that is timed. */
export interface Contender {
	readonly name: string;
	/** Gives the work of one call to the GPU; it need not wait. */
	readonly call: () => void;
	/** Waits until the GPU has done all that was given to it. */
	readonly finish: () => Promise<void>;
}

export interface ContestOptions {
	/** How often each contender gets its turn. */
	readonly rounds: number;
	/** Seconds after which no further round begins; there are two at the least. */
	readonly budget: number;
}

/** How one contender did: milliseconds a call, and of its first call, in which pipelines are made. */
export interface Result extends Spread {
	readonly first: number;
}

/** A sample lasts at least this long, of as many calls as that takes: waiting once costs a good part of a millisecond. */
const sampleMilliseconds = 5;
const mostCallsInSample = 64;
/** A turn of quick calls takes several samples. */
const turnMilliseconds = 100;
const mostSamplesInTurn = 5;
const leastRounds = 2;

/** Milliseconds of `calls` calls and the wait for them. */
async function clock({ call, finish }: Contender, calls: number): Promise<number> {
	const start = performance.now();
	for (let i = 0; i < calls; i++) call();
	await finish();
	return performance.now() - start;
}

/**
 * Times contenders by the clock, in turns whose order is reversed from round to round, so that what else the machine
 * does meets all of them alike. Each is called twice before: the first call makes its pipelines, the second says how
 * many calls a sample needs.
 */
export async function contest(
	contenders: readonly Contender[],
	{ rounds, budget }: ContestOptions,
): Promise<Map<string, Result>> {
	const entries: { contender: Contender; first: number; calls: number; times: number[] }[] = [];
	for (const contender of contenders) {
		const first = await clock(contender, 1);
		const second = await clock(contender, 1);
		const calls = Math.min(mostCallsInSample, Math.max(1, Math.ceil(sampleMilliseconds / second)));
		entries.push({ contender, first, calls, times: [] });
	}
	const start = performance.now();
	for (let round = 0; round < rounds; round++) {
		if (round >= leastRounds && performance.now() - start > 1000 * budget) break;
		for (const { contender, calls, times } of round % 2 === 0 ? entries : entries.toReversed()) {
			const turn = performance.now();
			for (let sample = 0; sample < mostSamplesInTurn; sample++) {
				if (sample > 0 && performance.now() - turn > turnMilliseconds) break;
				times.push((await clock(contender, calls)) / calls);
			}
		}
	}
	return new Map(entries.map(({ contender, first, times }) => [contender.name, { first, ...spreadOf(times) }]));
}
