import { type FileHandle, open } from "node:fs/promises";
import { NoAdapterError } from "../../base/errors.js";

/** Files that the Vulkan loader, a driver and Dawn hold open at once while a device is opened, about; twice as many. */
const filesToOpen = 24;

/**
 * The error for a process that can open no more files. Vulkan does not say so: it finds no driver then.
 *
 * @param cause what failed
 * @returns undefined if there are files left to open
 */
export async function outOfFiles(cause: unknown): Promise<NoAdapterError | undefined> {
	const handles: FileHandle[] = [];
	try {
		while (handles.length < filesToOpen) handles.push(await open(process.execPath));
		return undefined;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "EMFILE" && code !== "ENFILE") return undefined;
		return new NoAdapterError(
			`openDevice: a device takes about ${filesToOpen / 2} open files, but the ${code === "EMFILE" ? "process" : "system"} is at its limit (${code}). Close files, read fewer at once, or raise the limit with ulimit -n.`,
			{ cause },
		);
	} finally {
		for (const handle of handles) await handle.close();
	}
}
