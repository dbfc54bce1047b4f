import { Random } from "../../base/random.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { imagesPerBatch } from "../images/batch_sizes.js";
import { pixelShift, toBytes, toNetwork } from "../images/pictures.js";
import { codePatches } from "./code_patches.js";
import { useHistogram } from "./code_use.js";
import { type ImageSize, pictureOf } from "./picture.js";
import type { CodeMap, CodeUse, ModelPictures, ShownImage } from "./report_types.js";

/** The held-out images; an `ImageSource` is one. */
export interface ReportImages extends ImageSize {
	readonly count: number;
	/** [count] */
	readonly labels?: Uint8Array | undefined;
	/** uint8 [indices.length, channels, height, width] */
	read(indices: Uint32Array): Promise<Uint8Array>;
}

/** What was collected before from the same run. */
export type EarlierPictures = Pick<ModelPictures, "images" | "use">;

const mostLooked = 2048;
/** After the first batch, whose kernels may have to be compiled; twice that if there are as many images as before to look at. */
const millisecondsToLook = 1500;
/** Images per batch on the CPU at most, because the time is looked at after each batch. */
const mostOnCpu = 32;
/** Images of at most so many values are shown as they are, larger ones half as many or smaller. */
const fullValues = 24_000;
const mostValues = 50_000;
const exampleCount = 16;
const worstCount = 8;
const mapCount = 6;

/** An image that was looked at. */
interface Looked {
	readonly index: number;
	readonly nmse: number;
	readonly original: Uint8Array;
	readonly reconstruction: Uint8Array;
	/** uint32 [h, w, levels] */
	readonly codes: Uint32Array;
}

/**
 * Looks at held-out images, spread evenly over all of them: at those that fit in about 2 seconds, at most 2048, or as many as
 * before. The model and all random numbers stay as they are.
 *
 * @param step the optimizer steps that the model has taken
 * @param earlier the result of the last call for the run, if there was one
 * @throws DivergenceError if a pixel is not finite
 */
export async function collectPictures(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	images: ReportImages,
	step: number,
	earlier?: EarlierPictures,
): Promise<ModelPictures> {
	const { count, channels, height, width, labels } = images;
	const { levels, numEmbeddings } = model.vqLayer;
	const values = channels * height * width;
	const fewer = values > fullValues ? 2 : 1;
	const shrunk = Math.ceil(Math.sqrt(values / mostValues));
	const lookedBefore = earlier?.images.count === count ? earlier.images.looked : undefined;
	const examples = new Map<number, Looked>();
	const wanted = new Set(spread(count, exampleCount / fewer));
	let worst: readonly Looked[] = [];
	const counts = Array.from({ length: levels }, () => new Uint32Array(numEmbeddings));
	let looked = 0;
	for await (const batch of lookAt(gpu, model, images, lookedBefore)) {
		looked += batch.length;
		for (const image of batch) {
			countCodes(image.codes, counts);
			if (wanted.has(image.index)) examples.set(image.index, image);
		}
		worst = [...worst, ...batch].sort((a, b) => b.nmse - a.nmse || a.index - b.index).slice(0, worstCount / fewer);
	}
	const shownExamples = [...examples.values()].sort((a, b) => a.index - b.index);
	const show = ({ index, nmse, original, reconstruction }: Looked): ShownImage => ({
		index,
		label: labels?.[index],
		nmse,
		original: pictureOf(original, images, shrunk),
		reconstruction: pictureOf(reconstruction, images, shrunk),
	});
	const mapOf = ({ index, original, codes }: Looked): CodeMap => ({
		index,
		label: labels?.[index],
		original: pictureOf(original, images, shrunk),
		levels: counts.map((_, level) => {
			const size = { channels: 3, height: height / 4, width: width / 4 };
			return pictureOf(coloursOf(codes.filter((_, i) => i % levels === level)), size);
		}),
	});
	const bins = counts.map(useHistogram).reduce((sum, part) => sum.map((codes, bin) => codes + (part[bin] as number)));
	return {
		version: 1,
		step,
		images: { count, looked, channels, height, width, shrunk },
		examples: shownExamples.map(show),
		worst: worst.map(show),
		maps: shownExamples.slice(0, mapCount / fewer).map(mapOf),
		codes: await codePatches(model, counts),
		use: [...(earlier?.use ?? []).filter((row) => row.step < step), { step, bins } satisfies CodeUse],
	};
}

/**
 * Images with their codes, reconstructions and errors, in batches. The images that are shown are in the first ones.
 *
 * @param looked how many images there are to look at; undefined for as many as fit in the time
 */
async function* lookAt(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	images: ReportImages,
	looked: number | undefined,
): AsyncGenerator<readonly Looked[], void, undefined> {
	const { count, channels, height, width } = images;
	const shown = spread(count, exampleCount);
	const others = spread(count, mostLooked).filter((index) => !shown.includes(index));
	// In a fixed random order, so that the images are spread whatever their number.
	const shuffle = new Random(0).permutation(others.length);
	const order = [...shown, ...Array.from(shuffle, (at) => others[at] as number)].slice(0, looked);
	const most = gpu.adapter.software ? mostOnCpu : order.length;
	const together = Math.min(imagesPerBatch(model, images), most, order.length);
	let until = Number.POSITIVE_INFINITY;
	for (let first = 0; first < order.length && performance.now() < until; first += together) {
		// The last batch is filled with its last image, because kernels are compiled for each shape.
		const indices = Uint32Array.from(
			{ length: together },
			(_, i) => order[Math.min(first + i, order.length - 1)] as number,
		);
		const pixels = await images.read(indices);
		const [codes, decoded] = gpu.scope(() => {
			const codes = model.encode(gpu.tensor(toNetwork(pixels), [together, channels, height, width]));
			return [codes, model.decode(codes)] as const;
		});
		const [codeValues, outputs] = (await gpu.readAll([codes, decoded])) as [Uint32Array, Float32Array];
		codes.dispose();
		decoded.dispose();
		const reconstructions = toBytes(outputs);
		const part = <T extends Uint8Array | Uint32Array | Float32Array>(values: T, i: number) => {
			const length = values.length / together;
			return values.subarray(i * length, (i + 1) * length) as T;
		};
		yield Array.from(indices.subarray(0, order.length - first), (index, i): Looked => {
			const original = part(pixels, i);
			const nmse = meanSquare(original, part(outputs, i)) / model.dataVariance;
			return { index, nmse, original, reconstruction: part(reconstructions, i), codes: part(codeValues, i) };
		});
		if (until === Number.POSITIVE_INFINITY)
			until = performance.now() + millisecondsToLook * (looked === undefined ? 1 : 2);
	}
}

/** Numbers from 0 to count − 1, at most `most`, at equal distances. */
function spread(count: number, most: number): number[] {
	const length = Math.min(count, most);
	return Array.from({ length }, (_, i) => Math.floor((i * count) / length));
}

/** The mean squared error of the network's output. */
function meanSquare(original: Uint8Array, output: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < output.length; i++)
		sum += ((original[i] as number) / 255 + pixelShift - (output[i] as number)) ** 2;
	return sum / output.length;
}

/** @param codes uint32 [h, w, levels] */
function countCodes(codes: Uint32Array, counts: readonly Uint32Array[]): void {
	for (const [i, code] of codes.entries()) {
		const level = counts[i % counts.length] as Uint32Array;
		level[code] = (level[code] as number) + 1;
	}
}

/** Codes as bytes [3, h, w]: hues that differ most for consecutive codes, in three shades. */
function coloursOf(codes: Uint32Array): Uint8Array {
	const colours = new Uint8Array(3 * codes.length);
	for (const [i, code] of codes.entries()) {
		const hue = (code * goldenAngle) % 360;
		const lightness = [0.45, 0.62, 0.78][code % 3] as number;
		for (const [channel, offset] of [0, 8, 4].entries()) {
			// CSS Color Module Level 4, section 7.1: hsl(hue, 65 %, lightness) to sRGB.
			const k = (offset + hue / 30) % 12;
			const part = lightness - 0.65 * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
			colours[channel * codes.length + i] = Math.round(255 * part);
		}
	}
	return colours;
}

const goldenAngle = 137.508;
