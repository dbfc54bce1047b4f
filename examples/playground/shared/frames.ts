// What the worker tells the page.
import type { BenchmarkState } from "./benchmark.js";
import type { Settings } from "./settings.js";

/** Images of one size, interleaved as a canvas wants them: uint8 [count, height, width, channels]. */
export interface Pictures {
	readonly count: number;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	readonly pixels: Uint8Array;
}

/** The losses of one training step. */
export interface StepMetrics {
	readonly step: number;
	readonly loss: number;
	/** Mean squared error of the batch over the variance of the training images. */
	readonly nmse: number;
	/** exp of the entropy of the batch's codes. */
	readonly perplexity: number;
}

/** Errors and use of codes on test images, which are not trained on. */
export interface TestMetrics {
	readonly step: number;
	readonly nmse: number;
	/** Peak signal-to-noise ratio in dB of the mean squared error of all images, for a peak of 1. */
	readonly psnr: number;
	readonly perplexity: number;
	readonly codesInUse: number;
}

/** On all test images. */
export interface Evaluation extends TestMetrics {
	/** How many test images. */
	readonly images: number;
	/** Bits per image at the entropy of the codes: the sum over positions and levels of log2 of the level's perplexity. */
	readonly bits: number;
	/** Bits per image if all codes were equally frequent. */
	readonly mostBits: number;
}

/** One of two models that are compared. */
export interface CompareSide {
	readonly step: number;
	/** The losses of the steps since the frame before. */
	readonly losses: readonly StepMetrics[];
	readonly test: TestMetrics | undefined;
	readonly reconstructions: Pictures | undefined;
	/** How often each code of the first level occurs on the test images, [K] */
	readonly counts: Uint32Array | undefined;
	/** On all test images; when the comparison pauses. */
	readonly evaluation: Evaluation | undefined;
	/** Why this model has stopped training. */
	readonly stopped: string | undefined;
}

/** The state of a comparison. */
export interface CompareFrame {
	readonly originals: Pictures | undefined;
	readonly sides: readonly [CompareSide, CompareSide];
}

/** The decoded patches of the codes, and how often the codes occur. */
export interface CodebookView {
	/** One picture per code: the middle of a decoded square of that code. */
	readonly patches: Pictures;
	/** How often each code occurred lately, an exponential average; [K] */
	readonly use: Float32Array;
	/** 1 for a code that counts as re-initialised since the frame before. */
	readonly reborn: Uint8Array;
	/** The codes of the shown test images, uint32 [count, h, w] (of the first level). */
	readonly shown: Uint32Array;
	readonly grid: readonly [h: number, w: number];
}

/** Latents and codes, projected to the plane of their largest variance. */
export interface PlaneView {
	/** [n, 2] */
	readonly latents: Float32Array;
	/** The code of each latent, [n]. */
	readonly assigned: Uint32Array;
	/** [K, 2] */
	readonly codes: Float32Array;
	/** The share of the latents' variance in this plane. */
	readonly explained: number;
}

/** The state of a run that the page shows. */
export interface Frame {
	readonly runId: string;
	readonly step: number;
	/** Seconds of training so far. */
	readonly seconds: number;
	readonly imagesPerSecond: number;
	/** The losses of the steps since the frame before. */
	readonly losses: readonly StepMetrics[];
	readonly test: TestMetrics | undefined;
	readonly originals: Pictures | undefined;
	readonly reconstructions: Pictures | undefined;
	readonly codebook: CodebookView | undefined;
	readonly plane: PlaneView | undefined;
}

/** Which optional parts of a frame the page shows now; others are not computed. */
export interface Watched {
	readonly codebook: boolean;
	readonly plane: boolean;
}

export interface Machine {
	/** The name of the adapter, as the browser gives it. */
	readonly adapter: string;
	readonly vendor: string;
	readonly architecture: string;
	/** Whether it computes on the CPU. */
	readonly software: boolean;
	readonly features: readonly string[];
	readonly limits: Readonly<Record<string, number>>;
}

/** What uses the GPU for long; one at a time, since there is one GPU. */
export type ActivityName = "train" | "compare" | "prior" | "benchmark";

export interface SessionState {
	readonly phase: "opening" | "preparing" | "ready" | "recovering" | "failed" | "no adapter";
	readonly activity: ActivityName | undefined;
	/** Whether training waits because the tab is hidden. */
	readonly hidden: boolean;
	/** Steps per second at most; 0: as many as the machine can. */
	readonly speed: number;
}

/** An error, for the page to show. */
export interface Failure {
	readonly name: string;
	readonly message: string;
	/** What the user can do, if the message does not say it. */
	readonly advice: string | undefined;
}

/** A run that has begun or was restored. */
export interface RunInfo {
	readonly id: string;
	readonly images: {
		readonly count: number;
		readonly channels: number;
		readonly height: number;
		readonly width: number;
	};
	readonly dataName: string;
	readonly grid: readonly [h: number, w: number];
	readonly levels: number;
	/** K, of each level. */
	readonly codes: number;
	readonly classes: readonly string[];
	/** Parameters that are trained. */
	readonly parameters: number;
}

/** The cross-entropy of a prior at a step, in nats per code. */
export interface PriorPoint {
	readonly step: number;
	readonly nats: number;
}

/** If there are more classes, a prior draws one sample of each of the first ones. */
export const mostSampledClasses = 24;

/** Images that a prior has drawn. */
export interface Samples {
	/** [count, h, w], or [count, h, w, levels] */
	readonly codes: Uint32Array;
	readonly pictures: Pictures;
	/** The class of each, if the prior has classes. */
	readonly labels: readonly number[] | undefined;
}

/** The state of a prior. */
export interface PriorState {
	readonly runId: string;
	/** Images that are encoded, and how many there are. */
	readonly encoded: number;
	readonly images: number;
	readonly step: number;
	readonly steps: number;
	/** Until the end of the training; undefined if it is not known yet. */
	readonly secondsLeft: number | undefined;
	/** Training steps since the last state. */
	readonly losses: readonly PriorPoint[];
	/** The newest one on images that are not trained on. */
	readonly heldOut: PriorPoint | undefined;
	/** Steps that the VQ-VAE had taken whose codes the prior learns. */
	readonly modelStep: number;
	/** What each code of the first level draws. */
	readonly patches: Pictures;
	/** Codes of an image, all levels counted. */
	readonly positions: number;
	/** How many classes it is conditioned on. */
	readonly classes: number;
	readonly channels: number;
	readonly layers: number;
	/** Samples of this step, if some were drawn. */
	readonly samples: Samples | undefined;
}

/** Sides of the squares that the user's images are scaled to: multiples of 4, because the encoder halves them twice. */
export const imageSizes = [28, 32, 48, 64] as const;

/** The user's own images, as far as they were read. */
export interface OwnImages {
	/** While files are read; `total` grows when more are added. */
	readonly reading: { readonly done: number; readonly total: number } | undefined;
	readonly count: number;
	readonly channels: 1 | 3;
	/** Height and width; undefined before the first image, whose size decides unless the user does. */
	readonly size: number | undefined;
	/** Their number and a fingerprint of their pixels and classes, as text. */
	readonly name: string | undefined;
	readonly classes: readonly string[];
	/** Why they cannot be trained on; undefined if they can. */
	readonly refusal: string | undefined;
	/** Images that were left out, and classes that are not used, in words. */
	readonly notes: readonly string[];
	/** Files that were left out, and why. */
	readonly problems: readonly { readonly name: string; readonly reason: string }[];
	/** The first of them. */
	readonly thumbnails: Pictures | undefined;
}

export type EngineEvent =
	| { readonly kind: "state"; readonly state: SessionState }
	| { readonly kind: "run"; readonly run: RunInfo; readonly settings: Settings }
	| { readonly kind: "frame"; readonly frame: Frame }
	| { readonly kind: "benchmark"; readonly state: BenchmarkState }
	| { readonly kind: "own images"; readonly images: OwnImages }
	| { readonly kind: "compare"; readonly frame: CompareFrame }
	| { readonly kind: "failure"; readonly failure: Failure }
	| { readonly kind: "recovered"; readonly step: number }
	/** `lost`: there was a prior, but it was lost with the device. */
	| { readonly kind: "prior"; readonly prior: PriorState | undefined; readonly lost: boolean };
