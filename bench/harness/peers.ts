import { relativeDifference } from "./permute.js";
import type { Contender } from "./timing.js";

/** An operation in another library, called once. */
export interface Peer {
	readonly contender: Contender;
	/** Its result, in our layout. */
	readonly result: ArrayLike<number>;
}

/** Another library with its forms of one operation: one, or one for each of its settings. */
export interface Library {
	readonly peers: readonly Peer[];
	readonly close: () => void;
}

/** What opens, or why it does not. */
export async function attempt<T>(open: () => Promise<T>): Promise<T | Error> {
	try {
		return await open();
	} catch (error) {
		return error as Error;
	}
}

/** The libraries that open; why the others do not is added to the notes. */
export async function openLibraries(
	openers: readonly (() => Promise<Library>)[],
	notes: string[],
): Promise<readonly Library[]> {
	const libraries: Library[] = [];
	for (const open of openers) {
		const opened = await attempt(open);
		if (opened instanceof Error) notes.push(opened.message);
		else libraries.push(opened);
	}
	return libraries;
}

/**
 * The largest difference of sums of up to 100,000 float32 products in different orders, over the largest of
 * the sums.
 */
const tolerance = 1e-4;

/** How far the results of others are from ours. */
export interface Agreement {
	/** The largest difference over the largest magnitude, by the contender's name. */
	readonly differences: ReadonlyMap<string, number>;
	/** The peers whose result is ours. */
	readonly right: readonly Peer[];
	/** The names of the others. */
	readonly wrong: readonly string[];
}

/** Compares our result with those of the peers. @throws Error if there are peers, and none has our result */
export function compareResults(result: ArrayLike<number>, peers: readonly Peer[]): Agreement {
	const differences = new Map(peers.map((peer) => [peer.contender.name, relativeDifference(result, peer.result)]));
	const isRight = ({ contender }: Peer) => (differences.get(contender.name) ?? Number.NaN) <= tolerance;
	const right = peers.filter(isRight);
	if (peers.length > 0 && right.length === 0) {
		const apart = Array.from(differences, ([name, difference]) => `${name}'s by ${difference.toExponential(1)}`);
		throw new Error(`The result differs from ${apart.join(" and from ")} of the largest value.`);
	}
	const wrong = peers.filter((peer) => !isRight(peer)).map(({ contender }) => contender.name);
	return { differences, right, wrong };
}
