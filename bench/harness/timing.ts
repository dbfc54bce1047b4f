import { type Spread, spreadOf } from "./statistics.js";

/** Something that is timed. */
export interface Contender {
	readonly name: string;
	/** Gives the work of one call to the GPU; it need not wait. */
	readonly call: () => void;
	/** Waits until the GPU has done all that was given to it. */
	readonly finish: () => Promise<void>;
	/** Milliseconds of an earlier call, if there was one, which has compiled the pipelines. */
	readonly before?: number;
}

/** How one contender did. */
export interface Result extends Spread {
	/** The least of the times. */
	readonly least: number;
	/** True if the earlier call took so long that it is the only one. */
	readonly onlyEarlier: boolean;
}

export interface TimingOptions {
	/** How often each contender gets its turn. */
	readonly rounds: number;
	/** Seconds after which no further round begins; there are two at the least, or one that took four times as long. */
	readonly budget: number;
	/** Milliseconds since some moment (default: of the process). */
	readonly now?: () => number;
	/** Milliseconds of a sample at least (default 5); more if the clock is coarse. */
	readonly sample?: number;
}

/** A sample is of as many calls as it takes to last long enough: waiting once costs a good part of a millisecond. */
const mostCallsInSample = 64;
/**
 * A turn of quick calls takes several samples: those that begin within this time, or this share of the
 * slowest's call.
 */
const turnMilliseconds = 100;
const turnShare = 0.1;
const mostSamplesInTurn = 5;
const leastRounds = 2;
/** The first round is the only one if it took so many times the budget. */
const tooLong = 4;
/** And there is no other call after an earlier one that took so many times the budget. */
const muchTooLong = 8;
/** A first call that took longer than this, pipelines and all, need not be repeated to see how many calls make a sample. */
const longCall = 500;

/** Milliseconds of `calls` calls and the wait for them. */
async function clock({ call, finish }: Contender, calls: number, now: () => number): Promise<number> {
	const start = now();
	for (let i = 0; i < calls; i++) call();
	await finish();
	return now() - start;
}

/** Makes a contender's pipelines, and says about how long a call takes. */
async function warmUp(contender: Contender, now: () => number): Promise<number> {
	const known = contender.before ?? (await clock(contender, 1, now));
	return known > longCall ? known : clock(contender, 1, now);
}

/**
 * Times contenders by the clock, in turns whose order is reversed from round to round, so that what else the machine
 * does meets all of them alike. Each is called before: the first call makes its pipelines, a second one says how many
 * calls a sample needs.
 */
export async function timeAlternately(
	contenders: readonly Contender[],
	{ rounds, budget, now = () => performance.now(), sample: sampleMilliseconds = 5 }: TimingOptions,
): Promise<Map<string, Result>> {
	const results = new Map<string, Result>();
	const entries: { contender: Contender; calls: number; times: number[] }[] = [];
	let turnLength = turnMilliseconds;
	for (const contender of contenders) {
		const { name, before = 0 } = contender;
		if (before > 1000 * muchTooLong * budget) {
			results.set(name, { ...spreadOf([before]), least: before, onlyEarlier: true });
			continue;
		}
		const milliseconds = await warmUp(contender, now);
		turnLength = Math.max(turnLength, turnShare * milliseconds);
		const calls = Math.min(mostCallsInSample, Math.max(1, Math.ceil(sampleMilliseconds / milliseconds)));
		entries.push({ contender, calls, times: [] });
	}
	const start = now();
	for (let round = 0; round < rounds; round++) {
		const spent = (now() - start) / 1000;
		if (round > 0 && spent > (round >= leastRounds ? budget : tooLong * budget)) break;
		for (const { contender, calls, times } of round % 2 === 0 ? entries : entries.toReversed()) {
			const turn = now();
			for (let sample = 0; sample < mostSamplesInTurn; sample++) {
				if (sample > 0 && now() - turn > turnLength) break;
				times.push((await clock(contender, calls, now)) / calls);
			}
		}
	}
	for (const { contender, times } of entries)
		results.set(contender.name, { ...spreadOf(times), least: Math.min(...times), onlyEarlier: false });
	return results;
}

/** What a reader should know of those that were too slow to be called again. */
export function notesOn(results: ReadonlyMap<string, Result>): string[] {
	return [...results].flatMap(([name, { onlyEarlier }]) =>
		onlyEarlier ? [`${name} took so long that one call before the others is its only one`] : [],
	);
}
