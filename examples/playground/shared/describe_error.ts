import type { Failure } from "./frames.js";

/** What the user can do about the errors of the library, by their names; an error's own message may say it as well. */
const advices: Readonly<Record<string, string>> = {
	OutOfMemoryError:
		"Choose fewer codes, fewer channels, a smaller batch or smaller images, or close other tabs that use the GPU.",
	LimitError: "Choose fewer codes, fewer channels, a smaller batch or smaller images.",
	DivergenceError: "Choose a smaller learning rate, and restart.",
};

/** An error in words. */
export function describeError(error: unknown): Failure {
	const { name, message } = error instanceof Error ? error : new Error(String(error));
	return { name, message, advice: advices[name] };
}
