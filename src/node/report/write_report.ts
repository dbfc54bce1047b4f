import { basename, resolve } from "node:path";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { picturesFile, readConfig, readMetrics, readPictures, readPrior } from "./read_run.js";
import { collectPictures, type ReportImages } from "./report_data.js";
import { reportPage } from "./report_page.js";
import type { ReportData, RunState } from "./report_types.js";

/** The folder of a run, whose files are written completely or not at all; a `RunFolder` is one. */
export interface ReportFolder {
	readonly path: string;
	write(name: string, content: string): Promise<void>;
}

/** The name of the page. */
export const reportFile = "report.html";

/**
 * Writes report.html from the files in the folder of a run.
 *
 * @param training what is trained at the moment, or was trained last
 * @throws DataError if a file cannot be read or written
 */
export async function writeReport(
	folder: ReportFolder,
	training: ReportData["training"],
	state: RunState,
): Promise<void> {
	const { path } = folder;
	const model = await readPictures(path);
	const config = await readConfig(path);
	const page = reportPage({
		name: basename(resolve(path)),
		written: new Date().toISOString(),
		training,
		state,
		heldOut: config.heldOut === "test" ? "test" : "validation",
		config,
		metrics: await readMetrics(path, "metrics.jsonl"),
		model,
		prior: await readPrior(path, model?.images),
	});
	await folder.write(reportFile, page);
}

/**
 * Looks at the model (see `collectPictures`), writes what it has found to report-data.json, and then report.html.
 *
 * @param images the held-out images
 * @param step the optimizer steps that the model has taken
 * @throws DataError if a file cannot be read or written, DivergenceError if a pixel is not finite
 */
export async function reportModel(
	folder: ReportFolder,
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	images: ReportImages,
	step: number,
	state: RunState,
): Promise<void> {
	const pictures = await collectPictures(gpu, model, images, step, await readPictures(folder.path));
	await folder.write(picturesFile, JSON.stringify(pictures));
	await writeReport(folder, "model", state);
}
