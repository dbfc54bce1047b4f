import { CodeUse } from "./code_use.js";
import { meanSquaredError, psnrOf } from "./image_error.js";
import { ssim } from "./ssim.js";

/** The quality of reconstructions, over several images. */
export interface Quality {
	readonly images: number;
	/** The mean squared error on the 0 … 1 scale of a pixel. */
	readonly mse: number;
	/** That over the variance of the training images; undefined if this is not known. */
	readonly nmse: number | undefined;
	/** The mean of the images' peak signal-to-noise ratios in dB, without images that are reproduced exactly; undefined if all are. */
	readonly psnr: number | undefined;
	/** The mean of the images' structural similarities; undefined if one is smaller than 11 × 11. */
	readonly ssim: number | undefined;
	/** How many images are reproduced exactly. */
	readonly exact: number;
	/** For each level of codes: how many are used, and the perplexity. */
	readonly levels: readonly { readonly used: number; readonly perplexity: number }[];
}

interface Size {
	readonly channels: number;
	readonly height: number;
	readonly width: number;
}

/** The errors of one image of bytes. */
export interface ImageQuality {
	readonly mse: number;
	readonly psnr: number;
	readonly ssim: number | undefined;
}

/** Compares an image and its reconstruction, both bytes [channels, height, width]. */
export function compareImages(original: Uint8Array, reconstruction: Uint8Array, size: Size): ImageQuality {
	const mse = meanSquaredError(original, reconstruction);
	return { mse, psnr: psnrOf(mse), ssim: ssim(original, reconstruction, size) };
}

/** Sums up the quality of reconstructions. */
export class QualityTally {
	private readonly use: CodeUse;
	private images = 0;
	private mse = 0;
	private psnr = 0;
	private ssim: number | undefined = 0;
	private exact = 0;

	/** @param variance of the training images; undefined if it is not known */
	constructor(
		levels: number,
		codes: number,
		private readonly variance: number | undefined,
	) {
		this.use = new CodeUse(levels, codes);
	}

	/**
	 * @param mse of the network's output, before it is rounded to bytes
	 * @param codes of the image; none if they are not known
	 */
	add({ psnr, ssim }: Omit<ImageQuality, "mse">, mse: number, codes: Uint32Array = new Uint32Array()): void {
		this.images++;
		this.mse += mse;
		if (psnr === Number.POSITIVE_INFINITY) this.exact++;
		else this.psnr += psnr;
		this.ssim = this.ssim === undefined || ssim === undefined ? undefined : this.ssim + ssim;
		this.use.add(codes);
	}

	result(): Quality {
		const { images, exact, variance } = this;
		const mse = this.mse / images;
		return {
			images,
			mse,
			nmse: variance === undefined ? undefined : mse / variance,
			psnr: exact === images ? undefined : this.psnr / (images - exact),
			ssim: this.ssim === undefined ? undefined : this.ssim / images,
			exact,
			levels: this.use.perLevel(),
		};
	}
}

/** "MSE 0.00123, NMSE 0.0134, PSNR 29.10 dB, SSIM 0.9532" */
export function qualityInWords({ mse, nmse, psnr, ssim }: Omit<Quality, "levels" | "images" | "exact">): string {
	const parts = [`MSE ${mse.toFixed(5)}`];
	if (nmse !== undefined) parts.push(`NMSE ${nmse.toFixed(4)}`);
	parts.push(
		psnr === undefined || psnr === Number.POSITIVE_INFINITY ? "reproduced exactly" : `PSNR ${psnr.toFixed(2)} dB`,
	);
	if (ssim !== undefined) parts.push(`SSIM ${ssim.toFixed(4)}`);
	return parts.join(", ");
}
