import type { GivenFile } from "../../worker/own_data.js";

/** All files of a drop, those in folders too, with their paths. */
export async function filesOfDrop(transfer: DataTransfer): Promise<GivenFile[]> {
	// The items are gone after the first await, so all entries are taken before.
	const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
	if (entries.length === 0) return Array.from(transfer.files, (file) => ({ file, path: file.name }));
	const found: GivenFile[] = [];
	for (const entry of entries) await collect(entry, found);
	return found;
}

async function collect(entry: FileSystemEntry, found: GivenFile[]): Promise<void> {
	if (entry instanceof FileSystemFileEntry) {
		const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
		found.push({ file, path: entry.fullPath.replace(/^\//, "") });
	} else if (entry instanceof FileSystemDirectoryEntry) {
		const reader = entry.createReader();
		for (;;) {
			// A reader gives up to a hundred entries at once.
			const more = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
			if (more.length === 0) return;
			for (const inner of more) await collect(inner, found);
		}
	}
}
