import cliProgress from "cli-progress";
import { showsProgress, warn } from "./output.js";

/** Shows progress on stderr: a bar on a terminal, otherwise a line every ten seconds. */
export interface Progress {
	update(done: number, text: string): void;
	stop(): void;
}

/** Seconds between lines without a terminal. */
const lineInterval = 10;
/** Something that took less has no line when it is done, in seconds. */
const leastForLine = 1;

/** Starts a progress bar of so many steps on stderr. */
export function startProgress(label: string, total: number): Progress {
	if (!showsProgress()) return { update: () => undefined, stop: () => undefined };
	if (!process.stderr.isTTY) return startLines(label, total);
	const bar = new cliProgress.SingleBar({
		format: `${label} {bar} {value}/{total} {text} ETA {eta_formatted}`,
		stream: process.stderr,
		barsize: 20,
		barCompleteChar: "█",
		barIncompleteChar: "░",
		hideCursor: true,
		clearOnComplete: false,
		etaBuffer: 30,
		stopOnComplete: false,
		autopadding: true,
	});
	bar.start(total, 0, { text: "" });
	return {
		update: (done, text) => bar.update(done, { text }),
		stop: () => bar.stop(),
	};
}

/** Shows a progress bar while `body` runs, however it ends. */
export async function withProgress<T>(
	label: string,
	total: number,
	body: (progress: Progress) => Promise<T>,
): Promise<T> {
	const progress = startProgress(label, total);
	try {
		return await body(progress);
	} finally {
		progress.stop();
	}
}

function startLines(label: string, total: number): Progress {
	const start = performance.now();
	let last = start;
	let latest = "";
	return {
		update(done, text) {
			const now = performance.now();
			const eta = done > 0 ? Math.round(((now - start) / 1000 / done) * (total - done)) : 0;
			latest = `${label} ${done}/${total} ${text} ETA ${eta}s`;
			if (now - last < 1000 * lineInterval) return;
			last = now;
			warn(latest);
			latest = "";
		},
		stop() {
			if (latest !== "" && performance.now() - start > 1000 * leastForLine) warn(latest);
		},
	};
}
