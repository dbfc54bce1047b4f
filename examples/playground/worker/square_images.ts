// Pictures of any kind as small squares of bytes.

/** A square image of the chosen size: uint8 [size, size, channels]. */
export interface SquareImage {
	readonly channels: 1 | 3;
	readonly pixels: Uint8Array;
}

/** A picture counts as grey if no pixel's channels differ by more: JPEG files of grey photographs differ by a few. */
const greyTolerance = 12;

/** Cuts the middle square out of pictures and scales it. */
export class Squares {
	private readonly context: OffscreenCanvasRenderingContext2D;

	constructor(readonly size: number) {
		const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
		if (context === null) throw new Error("This browser has no canvas in workers.");
		this.context = context;
	}

	/** @param bitmap is closed */
	async of(bitmap: ImageBitmap): Promise<SquareImage> {
		const { size, context } = this;
		const { width, height } = bitmap;
		const side = Math.min(width, height);
		const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
		const scaled = await createImageBitmap(bitmap, left, top, side, side, {
			resizeWidth: size,
			resizeHeight: size,
			resizeQuality: "high",
		});
		bitmap.close();
		context.fillStyle = "#000"; // under what is transparent
		context.fillRect(0, 0, size, size);
		context.drawImage(scaled, 0, 0);
		scaled.close();
		return fromRgba(context.getImageData(0, 0, size, size).data);
	}
}

/** Decodes the first frame of a picture, turned as its EXIF orientation says. @throws Error in words */
export async function decodePicture(file: Blob): Promise<ImageBitmap> {
	if (file.size === 0) throw new Error("the file is empty");
	try {
		return await createImageBitmap(file, { imageOrientation: "from-image" });
	} catch {
		throw new Error("damaged, or not a picture that this browser can read");
	}
}

/** Grey bytes [height, width] as a bitmap. */
export function greyBitmap(grey: Uint8Array, width: number, height: number): Promise<ImageBitmap> {
	const data = new ImageData(width, height);
	for (const [at, value] of grey.entries()) data.data.set([value, value, value, 255], 4 * at);
	return createImageBitmap(data);
}

function fromRgba(rgba: Uint8ClampedArray): SquareImage {
	const area = rgba.length / 4;
	const channels = isGrey(rgba) ? 1 : 3;
	const pixels = new Uint8Array(channels * area);
	for (let at = 0; at < area; at++) {
		const [red, green, blue] = [rgba[4 * at], rgba[4 * at + 1], rgba[4 * at + 2]] as [number, number, number];
		if (channels === 1) pixels[at] = luma(red, green, blue);
		else pixels.set([red, green, blue], 3 * at);
	}
	return { channels, pixels };
}

function isGrey(rgba: Uint8ClampedArray): boolean {
	for (let at = 0; at < rgba.length; at += 4) {
		const [red, green, blue] = [rgba[at], rgba[at + 1], rgba[at + 2]] as [number, number, number];
		if (Math.max(red, green, blue) - Math.min(red, green, blue) > greyTolerance) return false;
	}
	return true;
}

/** Brightness by ITU-R BT.601. */
function luma(red: number, green: number, blue: number): number {
	return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
}

/** The image with this number of channels, as bytes [channels, size, size] from `start` of `target`. */
export function writePlanes({ channels, pixels }: SquareImage, wanted: 1 | 3, target: Uint8Array, start: number): void {
	if (channels === 1) {
		for (let channel = 0; channel < wanted; channel++) target.set(pixels, start + channel * pixels.length);
		return;
	}
	const area = pixels.length / 3;
	for (let at = 0; at < area; at++) {
		const red = pixels[3 * at] as number;
		const green = pixels[3 * at + 1] as number;
		const blue = pixels[3 * at + 2] as number;
		if (wanted === 1) target[start + at] = luma(red, green, blue);
		else {
			target[start + at] = red;
			target[start + area + at] = green;
			target[start + 2 * area + at] = blue;
		}
	}
}
