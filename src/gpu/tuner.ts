import { excerpt } from "./capture/excerpt.js";
import type { Trace, VariantEvents } from "./capture/trace.js";
import type { Choices } from "./variant.js";

/** Where the timings of kernel variants are kept from one run to the next: one text. */
export interface ChoiceStore {
	/** The text that was written last; undefined if there is none or it cannot be read. */
	read(): Promise<string | undefined>;
	write(text: string): Promise<void>;
}

/** Milliseconds of each variant. */
type Timings = Readonly<Record<string, number>>;

/** How often each variant is timed at most, and for how many milliseconds all of them. */
const timedRounds = 5;
const timedMilliseconds = 1000;

interface TimedReplay {
	replay(): void;
	dispose(): void;
}

/** What the tuner needs of the device. */
interface TuningDevice {
	time(launches: () => void): Promise<number>;
	buildReplay(trace: Trace): TimedReplay;
	createTrace(): Trace;
}

/**
 * Knows which variant of a kernel is the fastest on this adapter. It times the variants that `gpu.prepare` finds in a step, by
 * keys that name an operation and its shapes.
 * @internal
 */
export class Tuner {
	private readonly timings = new Map<string, Timings>();
	private changed = false;
	private tracingVariants = false;

	private constructor(private readonly store: ChoiceStore) {}

	/** Reads the timings of earlier runs; a damaged text counts as none. */
	static async open(store: ChoiceStore): Promise<Tuner> {
		const tuner = new Tuner(store);
		try {
			const entries: unknown = JSON.parse((await store.read()) ?? "{}");
			if (typeof entries === "object" && entries !== null)
				for (const [key, timings] of Object.entries(entries)) if (isTimings(timings)) tuner.timings.set(key, timings);
		} catch {
			tuner.timings.clear();
		}
		return tuner;
	}

	/**
	 * Computes something with the fastest of the variants; with the first one unless all were timed.
	 *
	 * @param compute launches one of the variants
	 * @param trace of the step that is traced now
	 * @param discard calls its argument and frees what that makes
	 */
	choose<T, C extends string>(
		key: string,
		variants: Choices<C>,
		compute: (variant: C) => T,
		trace: Trace | undefined,
		discard: (body: () => unknown) => void,
	): T {
		const fastest = this.fastest(key, variants);
		if (fastest !== undefined) return compute(fastest);
		if (trace?.mode === "prepare" && !this.tracingVariants && !trace.untuned.has(key)) {
			this.tracingVariants = true; // variants inside of a variant are not timed
			try {
				trace.untuned.set(
					key,
					variants.map((variant) => {
						const start = trace.events.length;
						discard(() => compute(variant));
						return { variant, start, end: trace.events.length };
					}),
				);
			} finally {
				this.tracingVariants = false;
			}
		}
		return compute(variants[0]);
	}

	/** Times the variants in a trace, and writes the timings to the store. */
	async tune(trace: Trace, device: TuningDevice): Promise<void> {
		for (const [key, variants] of trace.untuned) {
			this.timings.set(key, { ...this.timings.get(key), ...(await measure(trace, variants, device)) });
			this.changed = true;
		}
		if (!this.changed) return;
		this.changed = false;
		await this.store.write(`${JSON.stringify(Object.fromEntries(this.timings), undefined, "\t")}\n`);
	}

	/** The fastest of the variants; undefined unless all of them were timed. */
	private fastest<C extends string>(key: string, variants: Choices<C>): C | undefined {
		const timings = this.timings.get(key) ?? {};
		const timeOf = (variant: C) => timings[variant] ?? Number.NaN;
		if (variants.some((variant) => Number.isNaN(timeOf(variant)))) return undefined;
		return variants.reduce((best, variant) => (timeOf(variant) < timeOf(best) ? variant : best));
	}
}

/** The least time of each variant; they are timed alternately. */
async function measure(trace: Trace, variants: readonly VariantEvents[], device: TuningDevice): Promise<Timings> {
	const best: Record<string, number> = {};
	const replays: { variant: string; replay: TimedReplay }[] = [];
	try {
		for (const { variant, start, end } of variants)
			replays.push({ variant, replay: device.buildReplay(excerpt(trace, start, end, device.createTrace())) });
		const begin = performance.now();
		for (let round = 0; round <= timedRounds; round++) {
			for (const { variant, replay } of replays) {
				const time = await device.time(() => replay.replay());
				if (round > 0) best[variant] = Math.min(best[variant] ?? Number.POSITIVE_INFINITY, time); // the first compiles
			}
			if (round > 0 && performance.now() - begin > timedMilliseconds) break;
		}
	} finally {
		for (const { replay } of replays) replay.dispose();
	}
	return best;
}

function isTimings(value: unknown): value is Timings {
	return typeof value === "object" && value !== null && Object.values(value).every((time) => typeof time === "number");
}
