import type { HostTensor } from "../../io/safetensors.js";
import type { AnyTensor, Gpu } from "../../tensor/tensor.js";
import type { RunState } from "../report/report_types.js";
import type { Phases } from "./phases.js";

/** A step in metrics and chart. */
export interface StepRow {
	/** Counted from 1. */
	readonly step: number;
}

/** The numbers that are computed on the held-out images. */
export type TestNumbers = Readonly<Record<string, number>>;

export type TestRow<Numbers extends TestNumbers> = Numbers & StepRow;

/** A batch of training images on its way to a step. */
export interface Batch<Losses> {
	/** Images. */
	readonly count: number;
	/**
	 * Takes a step, without waiting.
	 *
	 * @param taken steps before it
	 */
	step(taken: number): Losses;
}

/** The part of a training that depends on what is trained: `Losses` are the losses of a step on the GPU. */
export interface Training<Losses, Row extends StepRow, Numbers extends TestNumbers> {
	readonly gpu: Gpu;
	readonly trainingImages: number;
	/** What the held-out images are: the part for validation, or the one for testing. */
	readonly heldOutName: "validation" | "test";
	/** The learning rate that was chosen, and the default, for advice if the training diverges. */
	readonly rates: { readonly lr: number; readonly standard: number };
	/** The names of files in the run's folder. */
	readonly files: {
		readonly weights: string;
		/** The weights with the lowest error on the held-out images. */
		readonly best: string;
		readonly metrics: string;
		readonly table: string;
		readonly pictures: string;
		readonly chart: string;
		/** Checkpoints are called this and the step. */
		readonly checkpoint: string;
	};
	/** What these files are called in the report. */
	readonly labels: { readonly weights: string; readonly pictures: string };
	/** Whether the folder may have the files of an earlier training, which stay until the first weights are written. */
	readonly replacesFiles: boolean;
	/** Everything before the first step. With `resumed` weights and codes are loaded afterwards. */
	prepare(phases: Phases, resumed: boolean): Promise<void>;
	/**
	 * The batches of an epoch in its order.
	 *
	 * @param epoch counted from 1; each epoch is asked for once, in order
	 * @param from the first batch that is wanted
	 */
	epoch(epoch: number, from: number): AsyncGenerator<Batch<Losses>, void, undefined>;
	/** Passes over an epoch that is done, so that the next one has its own order. */
	skipEpoch(): void;
	/** @throws DivergenceError with the rows of the steps before it */
	readLosses(steps: readonly Losses[]): Promise<readonly Row[]>;
	describeStep(row: Row): string;
	/** The weights that are written, on the GPU. */
	weights(): Record<string, AnyTensor>;
	/** Of the weights' file. */
	metadata(): Record<string, string>;
	/** All that the next step depends on. */
	state(): Record<string, AnyTensor>;
	loadState(state: Readonly<Record<string, HostTensor>>): void;
	evaluate(): Promise<Numbers>;
	/** Lower is better. */
	errorOf(numbers: Numbers): number;
	describeEpoch(numbers: Numbers): string;
	/**
	 * Draws and writes pictures.
	 *
	 * @param isKept whether the epoch's picture gets a file of its own
	 */
	drawPictures(epoch: number, isLast: boolean, isKept: boolean): Promise<void>;
	/** @returns an SVG */
	chart(rows: readonly Row[], tests: readonly TestRow<Numbers>[]): Promise<string>;
	/** Writes report.html; `step` are the optimizer steps so far. */
	writeReport(step: number, state: RunState): Promise<void>;
	/** The last numbers, for the report. */
	describeResult(numbers: TestRow<Numbers>): string;
}
