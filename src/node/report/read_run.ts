import { join } from "node:path";
import { isPlainObject } from "../../base/arguments.js";
import { loadSafetensorsMetadata } from "../../io/safetensors.js";
import { readFileIfThere } from "../files.js";
import { isModelPictures } from "./check_pictures.js";
import { pngSize } from "./png_size.js";
import type { Metrics, ModelPictures, PriorReport, SamplesPicture, TestRow } from "./report_types.js";

/** The name of the file that keeps what was collected from a model. */
export const picturesFile = "report-data.json";
/** A larger samples.png is not copied to the page. */
const mostSampleBytes = 600_000;
const picturesPerRow = 8;

/** config.json of a run; without entries if it is missing or damaged. */
export async function readConfig(run: string): Promise<Readonly<Record<string, unknown>>> {
	const config = parse(await readFileIfThere(join(run, "config.json")));
	return isPlainObject(config) ? config : {};
}

/** What was collected from the model of a run; undefined if the file is missing, damaged or of another version. */
export async function readPictures(run: string): Promise<ModelPictures | undefined> {
	const data = parse(await readFileIfThere(join(run, picturesFile)));
	return isModelPictures(data) ? data : undefined;
}

/** The prior of a run; undefined if the run has none. */
export async function readPrior(
	run: string,
	imageSize: { readonly height: number; readonly width: number } | undefined,
): Promise<PriorReport | undefined> {
	const metrics = await readMetrics(run, "prior-metrics.jsonl");
	if (metrics.steps.length + metrics.tests.length === 0) return undefined;
	const metadata = metadataOf(await readFileIfThere(join(run, "prior.safetensors")));
	const samples = samplesOf(
		await readFileIfThere(join(run, "samples.png")),
		Number(metadata?.numClasses ?? 0),
		imageSize,
	);
	return { ...metrics, metadata, samples };
}

function metadataOf(file: Buffer | undefined): Readonly<Record<string, string>> | undefined {
	try {
		return file && loadSafetensorsMetadata(file);
	} catch {
		return undefined; // damaged: train-prior says so when it loads the file
	}
}

/** The picture that `tessera train-prior` has drawn, with a row for each class if its rows are as many as it draws. */
function samplesOf(
	png: Buffer | undefined,
	classes: number,
	imageSize: { readonly height: number; readonly width: number } | undefined,
): SamplesPicture | undefined {
	const size = png && pngSize(png);
	if (png === undefined || size === undefined) return undefined;
	const bytes = png.length;
	const picture = bytes > mostSampleBytes ? undefined : { png: png.toString("base64"), ...size };
	if (imageSize === undefined || classes === 0) return { picture, bytes, rows: undefined };
	const columns = (size.width - gap) / picturesPerRow - gap;
	const rows = (size.height - gap) / ((columns * imageSize.height) / imageSize.width + gap);
	return { picture, bytes, rows: Number.isInteger(rows) && rows <= classes ? rows : undefined };
}

/** Between the images of samples.png. */
const gap = 4;

/**
 * The rows of a file of metrics; without rows if it is missing. Lines that are not whole rows, such as the last one of a run
 * that was killed, are left out.
 */
export async function readMetrics(run: string, name: string): Promise<Metrics> {
	const bytes = await readFileIfThere(join(run, name));
	const steps: TestRow[] = [];
	const tests: TestRow[] = [];
	for (const line of bytes === undefined ? [] : linesOf(bytes)) {
		const row = parse(line);
		if (!isPlainObject(row) || !isFiniteNumber(row.step)) continue;
		const rows = row.type === "step" ? steps : row.type === "epoch" ? tests : undefined;
		if (rows === undefined) continue;
		// A run that was resumed has taken some steps again.
		while ((rows.at(-1)?.step ?? Number.NEGATIVE_INFINITY) >= row.step) rows.pop();
		rows.push(numbersIn(row) as TestRow);
	}
	return { steps, tests };
}

function numbersIn(row: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
	const numbers: Record<string, number> = {};
	for (const name in row) {
		const value = row[name];
		if (isFiniteNumber(value)) numbers[name] = value;
	}
	return numbers;
}

/** Numbers in JSON beyond the range of a double are read as infinite. */
function isFiniteNumber(value: unknown): value is number {
	return Number.isFinite(value);
}

/** A file of metrics may be longer than the longest string. */
function* linesOf(bytes: Buffer): Generator<Buffer, void, undefined> {
	for (let start = 0; start < bytes.length; ) {
		const newline = bytes.indexOf(10, start);
		const end = newline < 0 ? bytes.length : newline;
		yield bytes.subarray(start, end);
		start = end + 1;
	}
}

/** The value of a JSON text; undefined if it is none. */
function parse(bytes: Buffer | undefined): unknown {
	try {
		return bytes && JSON.parse(bytes.toString());
	} catch {
		return undefined;
	}
}
