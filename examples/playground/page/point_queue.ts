// Runs that are trained one after another, each for some steps: points of the rate–distortion plane.
import { signal } from "@preact/signals";
import type { Settings } from "../shared/settings.js";
import { newId, startRun } from "./actions.js";
import { save } from "./saving.js";
import { onEvent } from "./store.js";

/** A run that is to be trained. */
export interface QueuedPoint {
	readonly settings: Settings;
	readonly steps: number;
	readonly name: string;
}

/** The point that is trained, and those that wait. */
export const queue = signal<readonly QueuedPoint[]>([]);

let isWorking = false;

/** Trains a point once those before are done. */
export async function trainPoint(point: QueuedPoint): Promise<void> {
	queue.value = [...queue.value, point];
	if (isWorking) return;
	isWorking = true;
	try {
		for (let next = queue.value[0]; next !== undefined; next = queue.value[0]) {
			if (!(await train(next))) break;
			queue.value = queue.value.slice(1);
		}
	} finally {
		isWorking = false;
		queue.value = [];
	}
}

/** @returns whether all of its steps were taken: not if the user pauses it or begins another run */
async function train({ settings, steps, name }: QueuedPoint): Promise<boolean> {
	const id = newId();
	const { reached, stop } = stepAtEnd(id);
	if (!(await startRun(settings, { until: steps, id, name }))) {
		stop();
		return false;
	}
	const isComplete = (await reached) >= steps;
	if (isComplete) await save();
	return isComplete;
}

/** The step at which a run that is about to begin ends: its training pauses, fails, or another run is shown. */
function stepAtEnd(id: string): { readonly reached: Promise<number>; readonly stop: () => void } {
	let stop = () => {};
	const reached = new Promise<number>((resolve) => {
		let isShown = false;
		let hasTrained = false;
		let hasEnded = false;
		stop = onEvent((event) => {
			const end = (step: number) => {
				stop();
				resolve(step);
			};
			if (event.kind === "run") {
				if (event.run.id === id) isShown = true;
				else if (isShown) end(0);
			} else if (event.kind === "failure") end(0);
			else if (event.kind === "state" && isShown) {
				const { activity } = event.state;
				if (activity === "train") hasTrained = true;
				else if (hasTrained && activity !== undefined) end(0);
				else hasEnded = hasTrained;
			} else if (event.kind === "frame" && hasEnded && event.frame.runId === id) end(event.frame.step);
		});
	});
	return { reached, stop };
}
