// The first module of the browser's test bundle: makes uvu's queue, and takes hold of what uvu prints, before uvu loads.
import { QueueCounter } from "../queue.js";

/** How far the tests have come: what test/browser/run.ts reads. */
export interface Progress {
	output: string;
	finished: boolean;
	succeeded: boolean;
	passed: number;
	failed: number;
}

declare global {
	var tesseraTests: Progress;
}

globalThis.tesseraTests = { output: "", finished: false, succeeded: false, passed: 0, failed: 0 };

export const counter = new QueueCounter();
counter.open(null);

const { log } = console;

/** Appends to the output, and to the page. */
export function write(text: string): void {
	globalThis.tesseraTests.output += text;
	// biome-ignore lint/suspicious/noControlCharactersInRegex: the codes that colour a terminal begin with one
	document.querySelector("pre")?.append(text.replace(/\x1b\[\d+m/g, ""));
}

/** Gives console.log back: uvu has kept the one that was there when it was loaded. */
export function restoreConsole(): void {
	console.log = log;
}

document.body.append(document.createElement("pre"));
console.log = write;
