import { constants } from "node:os";

/** A training that can be asked to end after its current step. */
export interface Stoppable {
	stopped: boolean;
	train(): Promise<void>;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Asks the current training to stop; undefined without one. */
let stopTraining: ((signal: NodeJS.Signals) => void) | undefined;

/**
 * Trains to the end, or until Ctrl-C or another signal asks it to stop, which sets the exit code of that signal. A second signal
 * ends the program at once.
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
 * Ends the program when its output is no longer read (`tessera … | head`) or cannot be written; a training first writes its
 * weights. A closed pipe or terminal is not an error, so nothing is reported.
 */
export function endWithoutReader(): void {
	let ended = false;
	for (const stream of [process.stdout, process.stderr])
		stream.on("error", (error: NodeJS.ErrnoException) => {
			if (ended) return;
			ended = true;
			const closed = error.code === "EPIPE" || error.code === "EIO";
			if (!closed && stream === process.stdout)
				process.stderr.write(`tessera: the output cannot be written: ${error.message}\n`);
			if (stopTraining !== undefined) stopTraining("SIGPIPE");
			else process.exit(128 + constants.signals.SIGPIPE);
		});
}
