import { spawn } from "node:child_process";
import { resolve as resolvePath } from "node:path";

/** The tests are run from the root of the repository. */
const program = resolvePath("dist/node/cli.js");

export interface Outcome {
	readonly code: number | null;
	readonly output: string;
	readonly errors: string;
}

/** Runs `tessera …` in a process of its own, in a folder; `watch` sees output and errors as they come. */
export function runTessera(
	folder: string,
	words: readonly string[],
	watch?: (text: string, interrupt: () => void) => unknown,
): Promise<Outcome> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [program, ...words], { cwd: folder });
		let output = "";
		let errors = "";
		child.stdout.on("data", (text) => {
			output += text;
			watch?.(output, () => child.kill("SIGINT"));
		});
		child.stderr.on("data", (text) => {
			errors += text;
			watch?.(errors, () => child.kill("SIGINT"));
		});
		child.on("error", reject);
		child.on("close", (code) => resolve({ code, output, errors }));
	});
}
