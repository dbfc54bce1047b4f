import { readFile, writeFile } from "node:fs/promises";
import { commands } from "../../../src/node/cli/commands.js";
import { referenceOf } from "../../../src/node/cli/reference.js";

const path = "docs/command-line.md";
const [begin, end] = ["<!-- commands: begin -->\n", "<!-- commands: end -->"] as const;

/** docs/command-line.md as it is, and as it should be by the declarations of the commands. */
export async function commandLineReference(): Promise<{ readonly found: string; readonly expected: string }> {
	const found = await readFile(path, "utf8");
	const before = found.slice(0, found.indexOf(begin) + begin.length);
	const after = found.slice(found.indexOf(end));
	return { found, expected: `${before}\n${referenceOf("tessera", commands)}\n${after}` };
}

export async function writeCommandLineReference(): Promise<void> {
	await writeFile(path, (await commandLineReference()).expected);
}
