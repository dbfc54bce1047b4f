// Runs that are trained one after another, each for some steps: points of the rate–distortion plane.
import { signal } from "@preact/signals";
import type { Settings } from "../shared/settings.js";
import { newId, startRun } from "./actions.js";
import { save } from "./saving.js";
import { onEvent, step } from "./store.js";

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
	const ended = untilEnd(id);
	await startRun(settings, { until: steps, id, name });
	const isComplete = (await ended.promise) && step.value >= steps;
	if (isComplete) await save();
	return isComplete;
}

/** Waits until a run that is about to begin has trained and stopped. @returns false if another run is shown instead */
function untilEnd(id: string): { readonly promise: Promise<boolean> } {
	const promise = new Promise<boolean>((resolve) => {
		let isShown = false;
		let hasTrained = false;
		const stop = onEvent((event) => {
			const end = (result: boolean) => {
				stop();
				resolve(result);
			};
			if (event.kind === "run") {
				if (event.run.id === id) isShown = true;
				else if (isShown) end(false);
			} else if (event.kind === "failure") end(false);
			else if (event.kind === "state" && isShown && event.state.phase === "ready") {
				if (event.state.activity === "train") hasTrained = true;
				else if (hasTrained) end(event.state.activity === undefined);
			}
		});
	});
	return { promise };
}
