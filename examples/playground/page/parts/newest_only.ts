import { showUnexpected } from "../actions.js";

/** Lets `request` run once at a time. However often it is asked for meanwhile, it runs once more afterwards, with what is newest then. */
export function newestOnly(request: () => Promise<void>): () => Promise<void> {
	let isRunning = false;
	let again = false;
	return async () => {
		again = true;
		if (isRunning) return;
		isRunning = true;
		while (again) {
			again = false;
			await request().catch(showUnexpected);
		}
		isRunning = false;
	};
}
