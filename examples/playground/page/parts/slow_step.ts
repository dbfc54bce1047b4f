import { effect, signal } from "@preact/signals";
import { isTraining, seconds, session, step } from "../store.js";

/** Milliseconds without a sign of the worker after which the page says that its settings are too large. */
const patience = 20_000;

/** Whether something is being made ready or trained, and nothing has come of it for long. */
export const isSlow = signal(false);

let timer: ReturnType<typeof setTimeout> | undefined;
effect(() => {
	const { phase, hidden } = session.value;
	const waits = !hidden && (phase === "preparing" || isTraining.value);
	step.value; // each frame starts the wait again
	seconds.value;
	clearTimeout(timer);
	isSlow.value = false;
	if (waits)
		timer = setTimeout(() => {
			isSlow.value = true;
		}, patience);
});
