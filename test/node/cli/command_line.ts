import { spawn } from "node:child_process";
import { resolve as resolvePath } from "node:path";
import * as assert from "uvu/assert";

/** The tests are run from the root of the repository. */
const program = resolvePath("dist/node/cli.js");

export interface Outcome {
	readonly code: number | null;
	readonly output: string;
	readonly errors: string;
	/** The lines of `errors` that name a mistake. */
	readonly mistakes: readonly string[];
}

/** What a watcher can do to the program. */
export type Interrupt = (signal?: NodeJS.Signals) => void;

/** Runs `tessera …` in a process of its own, in a folder; `watch` is called with output and errors while the process runs. */
export function runTessera(
	folder: string,
	words: readonly string[],
	watch?: (text: string, interrupt: Interrupt) => unknown,
): Promise<Outcome> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [program, ...words], { cwd: folder });
		let output = "";
		let errors = "";
		child.stdout.on("data", (text) => {
			output += text;
			watch?.(output, (signal = "SIGINT") => child.kill(signal));
		});
		child.stderr.on("data", (text) => {
			errors += text;
			watch?.(errors, (signal = "SIGINT") => child.kill(signal));
		});
		child.on("error", reject);
		child.on("close", (code) => {
			const mistakes = errors.split("\n").filter((line) => /^tessera[ :]/.test(line));
			resolve({ code, output, errors, mistakes });
		});
	});
}

/**
 * Checks that each call ends with exit code 1 and one line that says why, without a stack.
 */
export async function checkMistakes(
	folder: string,
	cases: readonly (readonly [words: readonly string[], message: RegExp])[],
	processes = 4,
): Promise<void> {
	const left = cases.values();
	// Each takes most of its time to start.
	const worker = async () => {
		for (const [words, message] of left) {
			const { code, errors, mistakes } = await runTessera(folder, words);
			const call = `tessera ${words.join(" ")}`;
			assert.is(code, 1, call);
			assert.is(mistakes.length, 1, `${call}: ${errors}`);
			assert.match(mistakes[0] as string, message, `${call}: ${mistakes[0]}`);
			assert.not.match(errors, /\n\s+at /, `${call}: a stack for a user's mistake`);
		}
	};
	await Promise.all(Array.from({ length: processes }, worker));
}
