import { checkNumber, checkOptions, checkWord } from "../base/arguments.js";

/**
 * A learning rate for each step, counted from 0.
 *
 * @example
 * const schedule = cosine({ lr: 0.1, steps: 1000 });
 * for (let step = 0; step < 1000; step++) {
 *   optimizer.lr = schedule(step);
 *   …
 * }
 */
export type Schedule = (step: number) => number;

export interface CosineOptions {
	/** The first learning rate. */
	readonly lr: number;
	/** The step at which the rate has fallen to `min`; it stays there. */
	readonly steps: number;
	/** The last learning rate (default 0). */
	readonly min?: number;
}

/**
 * Half a period of a cosine from lr to min, as torch.optim.lr_scheduler.CosineAnnealingLR (Loshchilov & Hutter, "SGDR", 2017).
 *
 * @throws ArgumentError if an option is out of range
 */
export function cosine(options: CosineOptions): Schedule {
	checkOptions("cosine", options, ["lr", "steps", "min"]);
	const { lr, steps, min = 0 } = options;
	checkNumber("cosine", "lr", lr, { least: 0 });
	checkNumber("cosine", "steps", steps, { least: 1, whole: true });
	checkNumber("cosine", "min", min, { least: 0 });
	return (step) => cosineBetween(lr, min, Math.min(1, step / steps));
}

export interface StepOptions {
	/** The first learning rate. */
	readonly lr: number;
	/** Every so many steps the rate is multiplied. */
	readonly every: number;
	/** By what (default 0.1). */
	readonly gamma?: number;
}

/** lr · gamma^⌊step / every⌋, as torch.optim.lr_scheduler.StepLR. @throws ArgumentError if an option is out of range */
export function step(options: StepOptions): Schedule {
	checkOptions("step", options, ["lr", "every", "gamma"]);
	const { lr, every, gamma = 0.1 } = options;
	checkNumber("step", "lr", lr, { least: 0 });
	checkNumber("step", "every", every, { least: 1, whole: true });
	checkNumber("step", "gamma", gamma, { least: 0 });
	return (at) => lr * gamma ** Math.floor(at / every);
}

export interface LinearWarmupOptions {
	/** The rate after the warm-up: a number, or a schedule whose steps are counted from the end of the warm-up. */
	readonly lr: number | Schedule;
	/** The steps of the warm-up. */
	readonly steps: number;
	/** The part of the rate with which it starts (default 0). */
	readonly start?: number;
}

/**
 * A rate that rises linearly from start · lr to lr, as torch.optim.lr_scheduler.LinearLR, and then follows lr.
 *
 * @throws ArgumentError if an option is out of range
 * @example
 * const schedule = linearWarmup({ steps: 100, lr: cosine({ lr: 1e-3, steps: 900 }) });
 */
export function linearWarmup(options: LinearWarmupOptions): Schedule {
	checkOptions("linearWarmup", options, ["lr", "steps", "start"]);
	const { lr, steps, start = 0 } = options;
	if (typeof lr !== "function") checkNumber("linearWarmup", "lr", lr, { least: 0 });
	checkNumber("linearWarmup", "steps", steps, { least: 1, whole: true });
	checkNumber("linearWarmup", "start", start, { least: 0, most: 1 });
	const after = typeof lr === "function" ? lr : () => lr;
	return (at) => (at < steps ? after(0) * (start + ((1 - start) * at) / steps) : after(at - steps));
}

export interface OneCycleOptions {
	/** The highest learning rate. */
	readonly lr: number;
	/** Of the whole training. */
	readonly steps: number;
	/** The part of the steps in which the rate rises (default 0.3). */
	readonly warmup?: number;
	/** The first rate is lr / divFactor (default 25). */
	readonly divFactor?: number;
	/** The last rate is the first one / finalDivFactor (default 1e4). */
	readonly finalDivFactor?: number;
	/** How it rises and falls: "cosine" (default) or "linear". */
	readonly anneal?: "cosine" | "linear";
}

/**
 * A rate that rises to lr and falls far below where it started, as torch.optim.lr_scheduler.OneCycleLR (Smith & Topin,
 * "Super-convergence", 2018).
 *
 * @throws ArgumentError if an option is out of range
 */
export function oneCycle(options: OneCycleOptions): Schedule {
	const name = "oneCycle";
	checkOptions(name, options, ["lr", "steps", "warmup", "divFactor", "finalDivFactor", "anneal"]);
	const { lr, steps, warmup = 0.3, divFactor = 25, finalDivFactor = 1e4, anneal = "cosine" } = options;
	checkNumber(name, "lr", lr, { least: 0 });
	checkNumber(name, "steps", steps, { least: 2, whole: true });
	checkNumber(name, "warmup", warmup, { least: 0, below: 1 });
	checkNumber(name, "divFactor", divFactor, { above: 0 });
	checkNumber(name, "finalDivFactor", finalDivFactor, { above: 0 });
	checkWord(name, "anneal", anneal, ["cosine", "linear"]);
	const between =
		anneal === "cosine" ? cosineBetween : (from: number, to: number, part: number) => from + (to - from) * part;
	const first = lr / divFactor;
	const peak = warmup * steps - 1;
	return (at) => {
		if (at <= peak) return between(first, lr, peak > 0 ? at / peak : 1);
		return between(lr, first / finalDivFactor, Math.min(1, (at - peak) / (steps - 1 - peak)));
	};
}

function cosineBetween(from: number, to: number, part: number): number {
	return to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
}
