import { isPlainObject } from "../../base/arguments.js";
import { FormatError } from "../../base/errors.js";

/** What is known of all codes of a file. Files of other programs may state none of it. */
export interface CodesInfo {
	/** Rows of codes per image. */
	readonly height?: number | undefined;
	/** Columns of codes per image. */
	readonly width?: number | undefined;
	/** Codes per position: 1, or more of a residual quantizer. */
	readonly levels?: number | undefined;
	/** K, how many codes there are. */
	readonly codes?: number | undefined;
	/** The size of the images in pixels, and their channels. */
	readonly imageHeight?: number | undefined;
	readonly imageWidth?: number | undefined;
	readonly imageChannels?: number | undefined;
	/** The names of the classes, by label. */
	readonly classes?: readonly string[] | undefined;
	/** Which part of the images this is, such as "2/8". */
	readonly shard?: string | undefined;
	/** Identifies the codebook, see `codebookChecksum`. */
	readonly codebook?: string | undefined;
	/** The SHA-256 of the model's file. */
	readonly model?: string | undefined;
}

/** What is known of the codes of a run's images. */
export interface CompleteInfo extends CodesInfo {
	readonly height: number;
	readonly width: number;
	readonly levels: number;
	readonly codes: number;
}

/** Some images' codes, in order. */
export interface CodeBatch {
	readonly count: number;
	/** [count, height, width, levels] */
	readonly codes: Uint32Array;
	/** [count], or undefined if images have no names. */
	readonly names: readonly string[] | undefined;
	/** [count], the class of each image. */
	readonly labels: readonly number[] | undefined;
}

/** Codes of images in a file, read in parts. */
export interface CodeReader {
	readonly info: CodesInfo;
	/** How many images there are. */
	readonly count: number;
	/**
	 * All images in order, in batches.
	 *
	 * @param together how many images are in a batch at most
	 * @param info the grid of a file that does not state it
	 * @throws FormatError naming the file and the place of what does not fit the format
	 */
	read(together: number, info: CompleteInfo): AsyncGenerator<CodeBatch, void, undefined>;
	close(): Promise<void>;
}

/** Writes codes of images into a file, which appears under its name when it is complete. */
export interface CodeWriter {
	append(batch: CodeBatch): Promise<void>;
	/** Completes the file. */
	finish(): Promise<void>;
	/** Removes what was written, unless it is complete. */
	discard(): Promise<void>;
}

/** What a writer is told of all images before the first. */
export interface Announced {
	readonly info: CompleteInfo;
	/** The names of all images, of which some may be left out. */
	readonly names: readonly string[];
	readonly hasLabels: boolean;
}

/** The values of `CodesInfo` that are numbers and texts. */
const numbers = ["height", "width", "levels", "codes", "imageHeight", "imageWidth", "imageChannels"] as const;
const texts = ["shard", "codebook", "model"] as const;
/** Larger grids, and more codes per position, are not read. */
const mostOfSize = 2 ** 24;

/**
 * Checks what a file says of its codes.
 *
 * @throws FormatError, without the file's name
 */
export function checkInfo(found: unknown): CodesInfo {
	if (!isPlainObject(found)) throw new FormatError("the description of its codes is not an object");
	const info: Record<string, unknown> = {};
	for (const name of numbers) {
		const value = found[name];
		if (value === undefined) continue;
		if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || (name !== "codes" && value > mostOfSize))
			throw new FormatError(`its ${name} is ${JSON.stringify(value)}, not a number of at least 1`);
		info[name] = value;
	}
	for (const name of texts) {
		const value = found[name];
		if (value === undefined) continue;
		if (typeof value !== "string") throw new FormatError(`its ${name} is ${JSON.stringify(value)}, not a text`);
		info[name] = value;
	}
	if (found.classes !== undefined) info.classes = checkTexts("classes", found.classes);
	return info;
}

/**
 * The sizes of a tensor of codes.
 *
 * @throws FormatError, without the file's name, unless its shape is [N, h, w] or [N, h, w, levels]
 */
export function gridOfShape(shape: readonly number[]): Pick<CompleteInfo, "height" | "width" | "levels"> {
	const [, height = 0, width = 0, levels = 1] = shape;
	const isGrid = [height, width, levels].every((size) => size >= 1 && size <= mostOfSize);
	if (!isGrid || shape.length < 3 || shape.length > 4)
		throw new FormatError(
			`its codes have the shape [${shape.join(", ")}], not [images, rows, columns] or [images, rows, columns, levels]`,
		);
	return { height, width, levels };
}

/** @throws FormatError, without the file's name, unless it is a list of so many texts */
export function checkTexts(name: string, found: unknown, count?: number): readonly string[] {
	if (!Array.isArray(found) || !found.every((text) => typeof text === "string"))
		throw new FormatError(`its ${name} are not a list of texts`);
	if (count !== undefined && found.length !== count)
		throw new FormatError(`it has ${found.length} ${name} for ${count} images`);
	return found;
}

/** @throws FormatError, without the file's name, unless it is a list of so many numbers of classes */
export function checkLabels(found: unknown, count: number): readonly number[] {
	const isLabel = (value: unknown) => typeof value === "number" && Number.isInteger(value) && value >= 0;
	if (!Array.isArray(found) || !found.every(isLabel))
		throw new FormatError("its labels are not a list of numbers of classes");
	if (found.length !== count) throw new FormatError(`it has ${found.length} labels for ${count} images`);
	return found;
}
