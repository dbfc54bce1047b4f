/** A training that can be asked to end after the step it is in. */
export interface Stoppable {
	stopped: boolean;
	train(): Promise<void>;
}

/** Trains until it is done, or until Ctrl-C asks it to stop; a second Ctrl-C ends the program at once. */
export async function trainUntilInterrupted(training: Stoppable): Promise<void> {
	const stop = () => {
		process.off("SIGINT", stop);
		training.stopped = true;
	};
	process.on("SIGINT", stop);
	try {
		await training.train();
	} finally {
		process.off("SIGINT", stop);
	}
}
