// Dawn writes its warnings with C's fprintf(stderr), and the binding has no callback for those during requestAdapter. So the
// first words that a user reads would be "maxDynamicUniformBuffersPerPipelineLayout artificially reduced".
//
// JavaScript cannot duplicate a file descriptor. But it can open the terminal, or a file in append mode, a second time under
// /proc, close descriptor 2, and open another file, which gets the lowest free descriptor. requestAdapter does its work before
// it returns, so no other code of this thread runs in between.
//
// Another thread that opens a file in the same microseconds could get descriptor 2. The command line opens no file at that time,
// so it turns this on; the library does not.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";

/** Lines of Dawn and of the Vulkan loader that are no problem, or for which `openDevice` has a better message. */
const known = [
	/ artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit/,
	/Couldn't load Vulkan/,
	/loader_\w+: /,
	/vkCreateInstance: Found no drivers/,
	/VK_ERROR_INCOMPATIBLE_DRIVER/,
	/^\s+at CheckVkSuccess/,
	/^\s*$/,
];

const appends = 0o2000; // O_APPEND

let capturing = false;

/** From now on, lines of Dawn that mean nothing to a user are left out of stderr, if that is possible. */
export function leaveOutDawnsLines(): void {
	capturing = true;
}

/** The lines of Dawn that a user should see. */
export function worthShowing(log: string): string {
	const lines = log.split("\n").filter((line) => !known.some((pattern) => pattern.test(line)));
	return lines.map((line) => `${line}\n`).join("");
}

/** Calls something that makes Dawn write to stderr before it returns. */
export function withDawnsLog<T>(body: () => T): T {
	const files = capturing ? openFiles() : undefined;
	if (files === undefined) return body();
	const { stderr, log, path } = files;
	closeSync(2);
	openSync(`/proc/self/fd/${log}`, "a");
	try {
		return body();
	} finally {
		closeSync(2);
		openSync(`/proc/self/fd/${stderr}`, "a");
		writeSync(2, worthShowing(readFileSync(path, "utf8")));
		closeSync(stderr);
		closeSync(log);
		rmSync(path);
	}
}

/** A second descriptor of stderr and a file to replace it; undefined if stderr cannot be opened a second time. */
function openFiles(): { stderr: number; log: number; path: string } | undefined {
	if (process.platform !== "linux") return undefined;
	try {
		const flags = /^flags:\s*(\d+)$/m.exec(readFileSync("/proc/self/fdinfo/2", "utf8"))?.[1] ?? "0";
		if (!isatty(2) && (Number.parseInt(flags, 8) & appends) === 0) return undefined;
		const path = join(tmpdir(), `tessera-${process.pid}-${Date.now()}.log`);
		const log = openSync(path, "ax");
		try {
			return { stderr: openSync("/proc/self/fd/2", "a"), log, path };
		} catch (error) {
			closeSync(log);
			rmSync(path);
			throw error;
		}
	} catch {
		return undefined; // a terminal of another user, a full disk, no /proc
	}
}
