import { ArgumentError, DataError } from "../../base/errors.js";
import type { ImageSource } from "../images/image_source.js";
import { cacheFolderOf, dataOptionsOf } from "./continue_run.js";
import { type ImageList, numbersOf } from "./image_list.js";
import type { ModelFile } from "./open_model.js";
import { openRunSources } from "./run_sources.js";

/** Images that are read at a time. */
const together = 64;

/**
 * The images that the training of a run held out, prepared as they were.
 *
 * @throws ArgumentError if it is not the model of a run, and the errors of `openRunSources`
 */
export async function listHeldOut({ path, folder, config }: ModelFile): Promise<ImageList> {
	if (config === undefined)
		throw new ArgumentError(`"${path}" is not the folder of a run: name images, folders of them, or a data set.`);
	const sources = await openRunSources(dataOptionsOf(config, config), cacheFolderOf(folder));
	const { heldOut, classes } = sources;
	return {
		names: numbersOf(heldOut.count),
		labels: heldOut.labels && Uint32Array.from(heldOut.labels),
		classes,
		files: [],
		read: (first, end) => readSource(heldOut, first, end),
		close: () => sources.close(),
	};
}

async function* readSource(source: ImageSource, first: number, end: number): ReturnType<ImageList["read"]> {
	const { name, channels, height, width } = source;
	if (channels !== 1 && channels !== 3) throw new DataError(`"${name}" has ${channels} channels, but 1 or 3 are read.`);
	for (let start = first; start < end; start += together) {
		const indices = Uint32Array.from({ length: Math.min(together, end - start) }, (_, i) => start + i);
		const pixels = await source.read(indices);
		yield { path: name, count: indices.length, channels, height, width, pixels };
	}
}
