// Two models side by side, as the page knows them.
import { signal } from "@preact/signals";
import type { ActivityName, CompareSide, Pictures } from "../shared/frames.js";
import type { Settings } from "../shared/settings.js";
import type { SideName } from "../worker/compare.js";
import { showError, takeOver } from "./actions.js";
import { engine } from "./engine.js";
import { append, type Curves, emptyCurves, isTraining, onEvent } from "./store.js";

/** One of the two. */
export interface ComparedModel {
	readonly settings: Settings;
	readonly curves: Curves;
	/** What the worker told last; parts that it did not tell are those of before. */
	readonly latest: CompareSide | undefined;
}

export interface ComparisonView {
	readonly a: ComparedModel;
	readonly b: ComparedModel;
	/** The step at which both pause. */
	readonly until: number;
	readonly originals: Pictures | undefined;
}

export const comparison = signal<ComparisonView | undefined>(undefined);
/** Counts the frames: curves are no signals. */
export const comparisonVersion = signal(0);
/** Whether the page waits for the worker to make or to evaluate the two. */
export const comparisonBusy = signal(false);

/** Whether the two are to train. */
let isWanted = false;
/** Whether the shown run trained before, or since then by the user's wish. */
let runTrained = false;
let activityBefore: ActivityName | undefined;

onEvent((event) => {
	const { value } = comparison;
	if (value === undefined) return;
	if (event.kind === "compare") {
		const { originals, sides } = event.frame;
		const told = (model: ComparedModel, side: CompareSide): ComparedModel => {
			for (const { step, nmse, perplexity, loss } of side.losses)
				append(model.curves.training, step, [nmse, perplexity, loss]);
			const { test, reconstructions, counts } = side.test === undefined ? (model.latest ?? side) : side;
			return { ...model, latest: { ...side, test, reconstructions, counts } };
		};
		comparison.value = {
			...value,
			a: told(value.a, sides[0]),
			b: told(value.b, sides[1]),
			originals: originals ?? value.originals,
		};
		comparisonVersion.value += 1;
		if (sides.every(({ step, stopped }) => step >= value.until || stopped !== undefined)) isWanted = false;
	} else if (event.kind === "state") {
		const { activity } = event.state;
		if (activity !== undefined && activity !== "compare") isWanted = false;
		if (activity === "train") runTrained = true;
		else if (activity === undefined && activityBefore === "train") runTrained = false;
		activityBefore = activity;
	} else if (event.kind === "recovered" && isWanted) wait(() => engine.compare.play(value.until));
});

/** Calls the worker, and shows its error. */
async function wait(body: () => Promise<unknown>): Promise<void> {
	comparisonBusy.value = true;
	try {
		await body();
	} catch (error) {
		showError(error);
	} finally {
		comparisonBusy.value = false;
	}
}

/** Begins two models and trains both for some steps. */
export function compare(a: Settings, b: Settings, steps: number): Promise<void> {
	if (comparison.value === undefined) runTrained = isTraining.value;
	return wait(async () => {
		comparison.value = undefined;
		const model = (settings: Settings): ComparedModel => ({ settings, curves: emptyCurves(), latest: undefined });
		await engine.compare.end();
		comparison.value = { a: model(a), b: model(b), until: steps, originals: undefined };
		try {
			await engine.compare.begin(a, b);
		} catch (error) {
			comparison.value = undefined;
			throw error;
		}
		isWanted = true;
		await engine.compare.play(steps);
	});
}

/** Goes on to a step. */
export function continueComparison(until: number): Promise<void> {
	const { value } = comparison;
	if (value !== undefined) comparison.value = { ...value, until };
	isWanted = true;
	return wait(() => engine.compare.play(until));
}

export function pauseComparison(): Promise<void> {
	isWanted = false;
	return wait(() => engine.compare.pause());
}

/** Frees both models; the shown run goes on if it trained before, unless the user has paused it since. */
export function endComparison(): Promise<void> {
	isWanted = false;
	comparison.value = undefined;
	return wait(async () => {
		await engine.compare.end();
		if (runTrained) await engine.session.play();
	});
}

/** Shows one of the two as the run, and trains it on. */
export async function continueWith(side: SideName): Promise<void> {
	const model = comparison.value?.[side];
	if (model === undefined) return;
	isWanted = false;
	await takeOver(side, model.settings, model.curves);
	comparison.value = undefined;
	await wait(() => engine.compare.end());
}
