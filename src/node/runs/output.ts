/** What a command prints: lines for people, one JSON object for machines, or nothing. */
export type OutputMode = "text" | "json" | "quiet";

let mode: OutputMode = "text";

/** Sets what the program prints from now on; the command line does so once, when it starts. */
export function setOutputMode(chosen: OutputMode): void {
	mode = chosen;
}

/** Whether progress is shown on stderr: not with --quiet. */
export function showsProgress(): boolean {
	return mode !== "quiet";
}

/** Prints a line for people on stdout; nothing with --json or --quiet. */
export function print(line: string): void {
	if (mode === "text") process.stdout.write(`${line}\n`);
}

/** Prints the result of a command on stdout as one line of JSON, with --json. Numbers that are not finite become null. */
export function printResult(result: object): void {
	if (mode === "json") process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Prints a line on stderr, in every mode. */
export function warn(line: string): void {
	process.stderr.write(`${line}\n`);
}
