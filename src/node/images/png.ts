import { constants, crc32, inflateSync } from "node:zlib";
import { FormatError, LimitError } from "../../base/errors.js";

/** An image's channels, one after the other: [channels, height, width], 0 … 255. */
export interface PngPixels {
	readonly channels: 1 | 3;
	readonly height: number;
	readonly width: number;
	readonly pixels: Uint8Array;
}

/** Red, green and blue, 0 … 255. */
export type Colour = readonly [red: number, green: number, blue: number];

interface Header {
	readonly width: number;
	readonly height: number;
	/** Bits per sample. */
	readonly depth: number;
	readonly type: number;
	readonly interlaced: boolean;
}

interface Chunk {
	readonly name: string;
	readonly data: Uint8Array;
	/** Whether its checksum is right. */
	readonly intact: boolean;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** PNG's numbers for its colour types, with the samples per pixel and the depths that each may have. */
const paletteType = 3;
const colourTypes = new Map([
	[0, { samples: 1, depths: [1, 2, 4, 8, 16] }],
	[2, { samples: 3, depths: [8, 16] }],
	[paletteType, { samples: 1, depths: [1, 2, 4, 8] }],
	[4, { samples: 2, depths: [8, 16] }],
	[6, { samples: 4, depths: [8, 16] }],
]);
/** The first column and row, and the steps between columns and rows, of each pass of Adam7. */
const adam7 = [
	[0, 0, 8, 8],
	[4, 0, 8, 8],
	[0, 4, 4, 8],
	[2, 0, 4, 4],
	[0, 2, 2, 4],
	[1, 0, 2, 2],
	[0, 1, 1, 2],
] as const;
const wholeImage = [[0, 0, 1, 1]] as const;
/** The most values (pixels times channels) of an image: as many bytes as every device can bind. */
const mostValues = 2 ** 27;
/** The largest compression ratio of deflate. */
const mostCompression = 1032;

/** Whether a file starts with PNG's signature. */
export function isPng(bytes: Uint8Array): boolean {
	return signature.every((byte, i) => bytes[i] === byte);
}

/**
 * The pixels of a PNG file (https://www.w3.org/TR/png-3/) of any colour type and depth, interlaced or not. fast-png, which
 * writes our pictures, misreads suggested palettes, interlacing below 8 bits and truncated data.
 *
 * Grey images, and palettes of greys alone, give 1 channel, others 3. Values are scaled or rounded to 8 bits, and transparent
 * pixels are composited over the background. gAMA, iCCP and the other chunks that describe colours are not applied. As in libpng a
 * damaged ancillary chunk is skipped, and a damaged critical one refused.
 *
 * @param background black by default; one that is not grey gives 3 channels if the image may have transparent pixels
 * @throws FormatError without the file's name if the file is damaged, LimitError if the image has more than 2²⁷ values
 */
export function decodePng(bytes: Uint8Array, background: Colour = [0, 0, 0]): PngPixels {
	let header: Header | undefined;
	let palette: Uint8Array | undefined;
	let transparency: Uint8Array | undefined;
	const data: Uint8Array[] = [];
	for (const { name, data: content, intact } of chunksOf(bytes)) {
		if (!intact) throw new FormatError(`the checksum of its ${name} chunk is wrong`);
		if (header === undefined && name !== "IHDR") throw new FormatError(`it starts with ${name} instead of IHDR`);
		if (name === "IHDR") {
			if (header !== undefined) throw new FormatError("it has two headers");
			header = readHeader(content);
		} else if (name === "PLTE") palette = content;
		else if (name === "tRNS") transparency = content;
		else if (name === "IDAT") data.push(content);
	}
	if (header === undefined) throw new FormatError("it has no header");
	return toPixels(header, inflateRows(header, data), coloursOf(header, palette, transparency), background);
}

/** The critical chunks and tRNS. A damaged tRNS is left out. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk, void, undefined> {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	let before = "";
	let dataBegun = false;
	for (let at = signature.length; ; ) {
		if (at + 12 > bytes.length) throw new FormatError("it is truncated");
		const length = view.getUint32(at);
		const end = at + 12 + length;
		const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
		if (!/^[A-Za-z]{4}$/.test(name))
			throw new FormatError("it is truncated, or the name of a chunk is not four letters");
		if (end > bytes.length) throw new FormatError(`it is truncated in its ${name} chunk`);
		const intact = crc32(bytes.subarray(at + 4, end - 4)) === view.getUint32(end - 4);
		const isCritical = (bytes[at + 4] & 0x20) === 0;
		if (isCritical && !["IHDR", "PLTE", "IDAT", "IEND"].includes(name))
			throw new FormatError(`its critical chunk ${name} is not known`);
		if (name === "IDAT" && dataBegun && before !== "IDAT") throw new FormatError("its IDAT chunks are not consecutive");
		dataBegun ||= name === "IDAT";
		if (isCritical || (name === "tRNS" && intact && !dataBegun))
			yield { name, data: bytes.subarray(at + 8, end - 4), intact };
		if (name === "IEND") return;
		before = name;
		at = end;
	}
}

function readHeader(data: Uint8Array): Header {
	if (data.length !== 13) throw new FormatError(`its header has ${data.length} bytes instead of 13`);
	const view = new DataView(data.buffer, data.byteOffset);
	const [width, height] = [view.getUint32(0), view.getUint32(4)];
	const [depth, type, compression, filter, interlacing] = data.subarray(8);
	if (width === 0 || height === 0 || width >= 2 ** 31 || height >= 2 ** 31)
		throw new FormatError(`its header says ${width} × ${height} pixels, but each must be from 1 to ${2 ** 31 - 1}`);
	const known = colourTypes.get(type);
	if (known === undefined || !known.depths.includes(depth))
		throw new FormatError(`its header says colour type ${type} with ${depth} bits, which PNG does not have`);
	if (compression !== 0 || filter !== 0 || interlacing > 1)
		throw new FormatError(
			`its header says compression ${compression}, filter ${filter}, interlacing ${interlacing}, but PNG has 0, 0 and 0 or 1`,
		);
	const values = width * height * (type === 2 || type === paletteType || type === 6 ? 3 : 1);
	if (values > mostValues)
		throw new LimitError(
			`it has ${width} × ${height} pixels, ${values} values, but at most ${mostValues} are read: scale it down or cut it up first.`,
		);
	return { width, height, depth, type, interlaced: interlacing === 1 };
}

function samplesOf({ type }: Header): number {
	return colourTypes.get(type)?.samples ?? 1;
}

/** The whole image, or a pass of Adam7. */
interface Pass {
	readonly left: number;
	readonly top: number;
	readonly stepX: number;
	readonly stepY: number;
	readonly width: number;
	readonly height: number;
	/** Of a row, without its filter byte. */
	readonly rowBytes: number;
}

function passesOf(header: Header): Pass[] {
	const passes = (header.interlaced ? adam7 : wholeImage).map(([left, top, stepX, stepY]) => {
		const width = Math.ceil((header.width - left) / stepX);
		const height = Math.ceil((header.height - top) / stepY);
		return {
			left,
			top,
			stepX,
			stepY,
			width,
			height,
			rowBytes: Math.ceil((width * samplesOf(header) * header.depth) / 8),
		};
	});
	return passes.filter(({ width, height }) => width > 0 && height > 0);
}

/** The rows of all passes as they are stored, filter bytes included. */
function inflateRows(header: Header, parts: readonly Uint8Array[]): Uint8Array {
	const packed = Buffer.concat(parts);
	const wanted = passesOf(header).reduce((sum, { height, rowBytes }) => sum + height * (1 + rowBytes), 0);
	const truncated = () =>
		new FormatError(`its ${packed.length} bytes of data do not hold the ${header.width} × ${header.height} pixels`);
	if (wanted > mostCompression * packed.length) throw truncated();
	let rows: Uint8Array;
	try {
		rows = inflateSync(packed, { maxOutputLength: wanted, finishFlush: constants.Z_FINISH });
	} catch (cause) {
		const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
		if (code === "Z_BUF_ERROR") throw truncated();
		if (code === "ERR_BUFFER_TOO_LARGE") throw new FormatError("its data are larger than its pixels");
		throw new FormatError(
			`its data cannot be decompressed (${cause instanceof Error ? cause.message : String(cause)})`,
		);
	}
	if (rows.length < wanted) throw truncated();
	return rows;
}

/** How samples become colours. */
interface Colours {
	/** RGBA for each index. */
	readonly palette?: Uint8Array;
	/** The samples of the transparent colour, as stored. */
	readonly transparent?: readonly number[];
}

function coloursOf(header: Header, palette: Uint8Array | undefined, transparency: Uint8Array | undefined): Colours {
	const { type, depth } = header;
	if (type === paletteType) {
		if (palette === undefined) throw new FormatError("its palette is missing");
		const count = palette.length / 3;
		if (!Number.isInteger(count) || count < 1 || count > 256)
			throw new FormatError(`its palette has ${palette.length} bytes, but 3 to 768, divisible by 3, are possible`);
		const opacity = transparency !== undefined && transparency.length <= count ? transparency : [];
		return {
			palette: Uint8Array.from({ length: 4 * count }, (_, i) =>
				i % 4 === 3 ? (opacity[i >> 2] ?? 255) : palette[3 * (i >> 2) + (i % 4)],
			),
		};
	}
	if (samplesOf(header) % 2 === 0 || transparency?.length !== 2 * samplesOf(header)) return {};
	const mask = 2 ** depth - 1;
	const value = (i: number) => ((transparency[2 * i] << 8) | transparency[2 * i + 1]) & mask;
	return { transparent: Array.from({ length: samplesOf(header) }, (_, i) => value(i)) };
}

/** Unfilters the rows, in place, and converts them. */
function toPixels(header: Header, rows: Uint8Array, { palette, transparent }: Colours, background: Colour): PngPixels {
	const { width, height, depth } = header;
	const samples = samplesOf(header);
	const isGrey =
		palette === undefined ? samples < 3 : palette.every((value, i) => i % 4 === 3 || value === palette[i - (i % 4)]);
	const hasAlpha = palette !== undefined || samples % 2 === 0;
	const shows = (hasAlpha || transparent !== undefined) && background.some((value) => value !== background[0]);
	const channels = isGrey && !shows ? 1 : 3;
	const plane = height * width;
	const pixels = new Uint8Array(channels * plane);
	const top = palette === undefined ? 2 ** depth - 1 : 255;
	const stored = palette === undefined ? samples : 4;
	const pixelBytes = Math.max(1, (samples * depth) >> 3);
	let at = 0;
	for (const pass of passesOf(header)) {
		let above: Uint8Array = new Uint8Array(pass.rowBytes);
		const values = new Uint16Array(pass.width * stored);
		for (let y = 0; y < pass.height; y++) {
			const row = rows.subarray(at + 1, at + 1 + pass.rowBytes);
			unfilter(rows[at], row, above, pixelBytes);
			above = row;
			at += 1 + pass.rowBytes;
			unpack(row, depth, pass.width * samples, values);
			if (palette !== undefined) lookUp(values, pass.width, palette);
			const rowStart = (pass.top + y * pass.stepY) * width + pass.left;
			for (let x = 0; x < pass.width; x++) {
				const from = x * stored;
				let opacity = 1;
				if (hasAlpha) opacity = values[from + stored - 1] / top;
				else if (transparent?.every((value, channel) => values[from + channel] === value)) opacity = 0;
				for (let channel = 0; channel < channels; channel++) {
					const value = values[from + (stored < 3 ? 0 : channel)] / top;
					const composited = value * opacity * 255 + (1 - opacity) * background[channel];
					pixels[channel * plane + rowStart + x * pass.stepX] = Math.round(composited);
				}
			}
		}
	}
	return { channels, height, width, pixels };
}

/** Reverses a row's filter, in place. The pixel on the left is `pixelBytes` before. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
	const left = (i: number) => (i < pixelBytes ? 0 : row[i - pixelBytes]);
	if (filter === 1) for (let i = pixelBytes; i < row.length; i++) row[i] += row[i - pixelBytes];
	else if (filter === 2) for (let i = 0; i < row.length; i++) row[i] += above[i];
	else if (filter === 3) for (let i = 0; i < row.length; i++) row[i] += (left(i) + above[i]) >> 1;
	else if (filter === 4)
		for (let i = 0; i < row.length; i++) row[i] += paeth(left(i), above[i], i < pixelBytes ? 0 : above[i - pixelBytes]);
	else if (filter !== 0) throw new FormatError(`a row has filter ${filter}, but PNG has 0 to 4`);
}

/** The one of three neighbours that is nearest to left + above − aboveLeft. */
function paeth(left: number, above: number, aboveLeft: number): number {
	const estimate = left + above - aboveLeft;
	const toLeft = Math.abs(estimate - left);
	const toAbove = Math.abs(estimate - above);
	const toAboveLeft = Math.abs(estimate - aboveLeft);
	if (toLeft <= toAbove && toLeft <= toAboveLeft) return left;
	return toAbove <= toAboveLeft ? above : aboveLeft;
}

/** The first `count` samples of a row; those below 8 bits are packed from the high bits down. */
function unpack(row: Uint8Array, depth: number, count: number, values: Uint16Array): void {
	if (depth === 8) values.set(row);
	else if (depth === 16) for (let i = 0; i < count; i++) values[i] = (row[2 * i] << 8) | row[2 * i + 1];
	else {
		const perByte = 8 / depth;
		const mask = 2 ** depth - 1;
		for (let i = 0; i < count; i++) {
			const shift = 8 - depth * (1 + (i % perByte));
			values[i] = (row[Math.floor(i / perByte)] >> shift) & mask;
		}
	}
}

/** Replaces the indices of a row by RGBA, in place: from the last to the first, because colours are longer than indices. */
function lookUp(values: Uint16Array, count: number, palette: Uint8Array): void {
	for (let x = count - 1; x >= 0; x--) {
		const index = values[x];
		if (4 * index >= palette.length)
			throw new FormatError(`a pixel has index ${index}, but the palette has ${palette.length / 4} colours`);
		for (let i = 0; i < 4; i++) values[4 * x + i] = palette[4 * index + i];
	}
}
