import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** The paths of the files below a folder whose names match, sorted. */
export async function filesUnder(folder, pattern) {
	const files = await readdir(folder, { recursive: true });
	return files
		.filter((file) => pattern.test(file))
		.sort()
		.map((file) => join(folder, file));
}
