import cliProgress from "cli-progress";
import { showsProgress, warn } from "./output.js";

/** Shows progress on stderr: a bar on a terminal, otherwise a line every ten seconds. */
export interface Progress {
	/** @param left seconds until the end of everything; by default those until the end of what the bar shows */
	update(done: number, text: string, left?: number): void;
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
		format: `${label} {bar} {value}/{total} {text} ETA {left}`,
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
	bar.start(total, 0, { text: "", left: "" });
	const start = performance.now();
	return {
		update: (done, text, left = remaining(start, done, total)) => bar.update(done, { text, left: duration(left) }),
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
		update(done, text, left = remaining(start, done, total)) {
			const now = performance.now();
			latest = `${label} ${done}/${total} ${text} ETA ${duration(left)}`;
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

/** Seconds until all is done, at the mean speed so far. */
function remaining(start: number, done: number, total: number): number {
	return done > 0 ? ((performance.now() - start) / 1000 / done) * Math.max(0, total - done) : 0;
}

/** "45s", "3m20s" or "2h05m" */
function duration(seconds: number): string {
	const whole = Math.round(seconds);
	const two = (count: number) => String(count).padStart(2, "0");
	if (whole < 60) return `${whole}s`;
	if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
	return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
}
