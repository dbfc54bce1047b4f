import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { checkNumber } from "./arguments.js";

/** Spreads a seed over all 32 bits (the finalizer of MurmurHash3), so that small seeds give unrelated sequences. */
function mix(seed: number): number {
	let bits = seed | 0;
	bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
	bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
	return bits ^ (bits >>> 16);
}

/** Numbers that are skipped at the start: half of the generator's first state is constant, and its first numbers show it. */
const warmUp = 32;

/** A seeded source of random numbers (xoroshiro128+): the same seed gives the same numbers everywhere. */
export class Random {
	static readonly name: string = "Random";

	private readonly generator: ReturnType<typeof xoroshiro128plus>;
	private spare: number | undefined;

	constructor(readonly seed: number) {
		checkNumber("Random", "seed", seed, { whole: true });
		this.generator = xoroshiro128plus(mix(seed));
		for (let i = 0; i < warmUp; i++) this.generator.next();
	}

	/** A number in [low, high). */
	uniform(low = 0, high = 1): number {
		if (!Number.isFinite(low) || !Number.isFinite(high)) {
			checkNumber("random.uniform", "low", low);
			checkNumber("random.uniform", "high", high);
		}
		return low + (high - low) * uniformFloat64(this.generator);
	}

	/** An integer in [0, count), for a count of at most 2³²: pure-rand's `uniformInt`, without the branch for larger ranges. */
	integer(count: number): number {
		if (!Number.isInteger(count) || count < 1 || count > 2 ** 32)
			checkNumber("random.integer", "count", count, { least: 1, most: 2 ** 32, whole: true });
		const fair = 2 ** 32 - (2 ** 32 % count);
		let bits: number;
		do bits = this.generator.next() + 2 ** 31;
		while (bits >= fair);
		return bits % count;
	}

	/** A normally distributed number (Box–Muller, both values used). */
	normal(mean = 0, standardDeviation = 1): number {
		if (!Number.isFinite(mean) || !(Number.isFinite(standardDeviation) && standardDeviation >= 0)) {
			checkNumber("random.normal", "mean", mean);
			checkNumber("random.normal", "standardDeviation", standardDeviation, { least: 0 });
		}
		if (this.spare !== undefined) {
			const value = this.spare;
			this.spare = undefined;
			return mean + standardDeviation * value;
		}
		const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
		const angle = 2 * Math.PI * this.uniform();
		this.spare = radius * Math.sin(angle);
		return mean + standardDeviation * radius * Math.cos(angle);
	}

	/** The numbers 0 … count−1 in random order (Fisher–Yates). */
	permutation(count: number): Uint32Array {
		checkNumber("random.permutation", "count", count, { least: 0, most: 2 ** 32, whole: true });
		const order = Uint32Array.from({ length: count }, (_, i) => i);
		for (let i = count - 1; i > 0; i--) {
			const j = this.integer(i + 1);
			const kept = order[i];
			order[i] = order[j];
			order[j] = kept;
		}
		return order;
	}

	/** An independent generator, so that one part of a program does not shift the numbers of another. */
	fork(): Random {
		return new Random(this.integer(0x7fffffff));
	}
}
