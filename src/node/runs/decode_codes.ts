import { DataError, FormatError } from "../../base/errors.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { checkCodesInRange } from "../codes/code_files.js";
import type { CodeBatch, CodeReader, CodesInfo, CompleteInfo } from "../codes/code_set.js";
import { tokensOfFirstLine } from "../codes/jsonl.js";
import { imagesPerBatch } from "../images/batch_sizes.js";
import { toBytes } from "../images/pictures.js";
import { type PngFolder, safeName } from "../images/png_folder.js";
import type { Image } from "../images/read_image.js";
import { inOrder } from "../in_order.js";
import { readAhead } from "../read_ahead.js";
import type { ModelFile, OpenedModel } from "./open_model.js";

/** Files that are written at a time. */
const inFlight = 16;

/**
 * The grid of a file's codes, checked against the model.
 *
 * @throws FormatError if the file does not fit the model, or its grid is not known; DataError if its codes are of another codebook
 */
export async function checkCodesFit(
	path: string,
	{ info, count }: CodeReader,
	{ path: modelPath, config }: ModelFile,
	{ model, codebook }: OpenedModel,
	force: boolean,
): Promise<CompleteInfo> {
	const { levels, numEmbeddings } = model.vqLayer;
	if (info.codebook !== undefined && info.codebook !== codebook && !force)
		throw new DataError(
			`"${path}" has codes of another codebook (${info.codebook.slice(0, 12)}…) than that of "${modelPath}" (${codebook.slice(0, 12)}…), which would paint something else: name the run that they were encoded with, or give --force.`,
		);
	const grid = info.height === undefined || info.width === undefined ? await gridOf(path, config, levels) : info;
	const { height, width } = grid;
	if (height === undefined || width === undefined) throw unknownGrid(path);
	if ((info.levels ?? levels) !== levels)
		throw new FormatError(
			`"${path}" has ${info.levels} levels of codes per position, but the model of "${modelPath}" has ${levels}: name the run that they were encoded with.`,
		);
	if (info.codes !== undefined && info.codes !== numEmbeddings)
		throw new FormatError(
			`"${path}" has codes out of ${info.codes}, but the model of "${modelPath}" has ${numEmbeddings}: name the run that they were encoded with.`,
		);
	if (count === 0) throw new DataError(`"${path}" has no images.`);
	return { ...info, height, width, levels, codes: numEmbeddings };
}

/** The grid of a file of lines without a sidecar: that of the run's images, or else a square. */
async function gridOf(
	path: string,
	config: ModelFile["config"],
	levels: number,
): Promise<Pick<CodesInfo, "height" | "width">> {
	const tokens = await tokensOfFirstLine(path);
	if (tokens === undefined) throw new DataError(`"${path}" has no images.`);
	const positions = tokens / levels;
	const { height = config?.size, width = config?.size } = config ?? {};
	if (height !== undefined && width !== undefined && (height / 4) * (width / 4) === positions)
		return { height: height / 4, width: width / 4 };
	const side = Math.sqrt(positions);
	if (!Number.isInteger(side) || side < 1) throw unknownGrid(path);
	return { height: side, width: side };
}

function unknownGrid(path: string): FormatError {
	return new FormatError(
		`"${path}" does not state how many rows and columns its codes have: put {"height": rows, "width": columns} into "${path}.json".`,
	);
}

/**
 * Decodes a file of codes into PNG files, in order.
 *
 * @param first the number of the file's first image, for images without names
 * @returns how many there were
 */
export async function decodeFile(
	gpu: Gpu,
	{ model, path, reader, info, first }: DecodeOptions,
	folder: PngFolder,
	progress: (done: number) => void,
): Promise<number> {
	const { height, width } = info;
	const together = imagesPerBatch(model, { height: 4 * height, width: 4 * width });
	let done = 0;
	let computing:
		| { readonly batch: CodeBatch; readonly first: number; readonly values: Promise<Float32Array> }
		| undefined;
	const write = async () => {
		if (computing === undefined) return;
		const { batch, first, values } = computing;
		const images = imagesOf(toBytes(await values), model.inChannels as 1 | 3, 4 * height, 4 * width);
		const written = inOrder(images, inFlight, (image, i) => folder.write(nameOf(batch, i, first, info), image));
		for await (const [i] of written) progress(first + i + 1);
	};
	for await (const batch of readAhead(reader.read(together, info), 1)) {
		checkCodesInRange(path, batch, done, info);
		const values = decode(gpu, model, batch, info);
		values.catch(() => undefined); // It is reported when the batch is written.
		await write();
		computing = { batch, first: first + done, values };
		done += batch.count;
	}
	await write();
	return done;
}

interface DecodeOptions {
	readonly model: VQVAE<Quantizer>;
	readonly path: string;
	readonly reader: CodeReader;
	readonly info: CompleteInfo;
	readonly first: number;
}

function decode(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	{ count, codes }: CodeBatch,
	{ height, width, levels }: CompleteInfo,
): Promise<Float32Array> {
	const shape = [count, height, width, ...(levels > 1 ? [levels] : [])];
	const images = gpu.scope(() => model.decode(gpu.tensor(codes, shape)));
	const values = images.data();
	images.dispose();
	return values;
}

function* imagesOf(pixels: Uint8Array, channels: 1 | 3, height: number, width: number): Generator<Image> {
	const size = channels * height * width;
	for (let at = 0; at < pixels.length; at += size)
		yield { channels, height, width, pixels: pixels.subarray(at, at + size) };
}

/** The path of an image in the folder: its name, in the folder of its class unless it is in one already. */
function nameOf({ names, labels }: CodeBatch, i: number, first: number, { classes }: CompleteInfo): string {
	const name = names?.[i] ?? String(first + i).padStart(5, "0");
	const label = labels?.[i];
	if (label === undefined) return name;
	const folder = classes?.[label] ?? String(label);
	return name.split(/[/\\]/).slice(0, -1).includes(folder) ? name : `${safeName(folder)}/${name}`;
}
