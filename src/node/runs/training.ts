import type { Random } from "../../base/random.js";
import type { Module } from "../../nn/module.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { Phases } from "./phases.js";

/** A step in metrics and chart. */
export interface StepRow {
	/** Counted from 1. */
	readonly step: number;
}

/** The numbers that are computed on the test images. */
export type TestNumbers = Readonly<Record<string, number>>;

export type TestRow<Numbers extends TestNumbers> = Numbers & StepRow;

/** The part of a training that depends on what is trained: `Losses` are the losses of a step on the GPU. */
export interface Training<Losses, Row extends StepRow, Numbers extends TestNumbers> {
	readonly gpu: Gpu;
	readonly module: Module;
	/** Shuffles the training images. */
	readonly random: Random;
	readonly trainingImages: number;
	/** The learning rate that was chosen, and the default, for advice if the training diverges. */
	readonly rates: { readonly lr: number; readonly standard: number };
	/** The names of files in the run's folder. */
	readonly files: {
		readonly weights: string;
		readonly metrics: string;
		readonly pictures: string;
		readonly chart: string;
	};
	/** What these files are called in the report. */
	readonly labels: { readonly weights: string; readonly pictures: string };
	/** Whether the folder may have the files of an earlier training, which stay until the first weights are written. */
	readonly replacesFiles: boolean;
	/** Everything before the first step. */
	prepare(phases: Phases): Promise<void>;
	/**
	 * Takes a step on these training images, without waiting.
	 *
	 * @param taken steps before it
	 */
	step(indices: Uint32Array, taken: number): Losses;
	/** @throws DivergenceError with the rows of the steps before it */
	readLosses(steps: readonly Losses[]): Promise<readonly Row[]>;
	describeStep(row: Row): string;
	/** Of the weights' file. */
	metadata(): Record<string, string>;
	evaluate(): Promise<Numbers>;
	describeEpoch(numbers: Numbers): string;
	/** Draws and writes pictures. */
	drawPictures(epoch: number, isLast: boolean): Promise<void>;
	/** @returns an SVG */
	chart(rows: readonly Row[], tests: readonly TestRow<Numbers>[]): Promise<string>;
	/** The last numbers, for the report. */
	describeResult(numbers: TestRow<Numbers>): string;
}
