import { constants } from "node:os";

/** A training that can be asked to end after the step it is in. */
export interface Stoppable {
	stopped: boolean;
	train(): Promise<void>;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Asks the training that is running to stop. */
let stopTraining: ((signal: NodeJS.Signals) => void) | undefined;

/**
 * Trains until it is done, or until Ctrl-C or another signal asks it to stop, which gives the program the exit code of that
 * signal. A second signal ends the program at once.
 */
export async function trainUntilInterrupted(training: Stoppable): Promise<void> {
	const stop = (signal: NodeJS.Signals) => {
		for (const name of signals) process.off(name, stop);
		stopTraining = undefined;
		training.stopped = true;
		process.exitCode = 128 + constants.signals[signal];
	};
	for (const name of signals) process.on(name, stop);
	stopTraining = stop;
	try {
		await training.train();
	} finally {
		for (const name of signals) process.off(name, stop);
		stopTraining = undefined;
	}
}

/**
 * Ends the program once what it prints is not read any more (`tessera … | head`) or cannot be written; a training keeps its
 * weights first. A closed pipe or terminal is no mistake, so nothing is said of it.
 */
export function endWithoutReader(): void {
	let ended = false;
	for (const stream of [process.stdout, process.stderr])
		stream.on("error", (error: NodeJS.ErrnoException) => {
			if (ended) return;
			ended = true;
			const closed = error.code === "EPIPE" || error.code === "EIO";
			if (!closed && stream === process.stdout)
				process.stderr.write(`tessera: what is printed cannot be written: ${error.message}\n`);
			if (stopTraining !== undefined) stopTraining("SIGPIPE");
			else process.exit(128 + constants.signals.SIGPIPE);
		});
}
