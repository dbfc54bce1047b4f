import gatherImagesKernel from "../../kernels/gather_images.wgsl";
import { checkInstance, checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { type Gpu, Tensor } from "../tensor/tensor.js";
import { checkGpu, checkRank, commonGpu } from "./check.js";
import { launchElements } from "./launch.js";

/** Images on the GPU as bytes, four in a word; made by `packImages`, read by `gatherImages`. */
export interface PackedImages {
	readonly words: Tensor<"uint32">;
	readonly count: number;
	/** [channels, height, width] */
	readonly shape: readonly [number, number, number];
	dispose(): void;
}

/**
 * Uploads images as bytes, a quarter of what they take as float32.
 *
 * @param pixels uint8 [count, channels, height, width]
 * @throws ShapeError if pixels and shape differ in size, LimitError if the device cannot bind so many bytes
 */
export function packImages(
	gpu: Gpu,
	pixels: Uint8Array,
	shape: readonly [number, number, number, number],
): PackedImages {
	checkGpu("packImages", gpu);
	checkInstance("packImages", "pixels", pixels, Uint8Array, "a Uint8Array");
	checkShape("packImages", shape);
	checkRank("packImages", "shape", shape, 4, "[count, channels, height, width]");
	const [count, ...imageShape] = shape;
	const bytes = sizeOf(imageShape);
	if (pixels.length !== count * bytes)
		throw new ShapeError(`packImages: ${pixels.length} bytes do not fill images of shape ${formatShape(shape)}.`);
	const wordsPerImage = Math.ceil(bytes / 4);
	const words = gpu.keep(gpu.empty([count, wordsPerImage], "uint32"));
	gpu.write(words.memory(), bytes % 4 === 0 ? pixels : paddedToWords(pixels, count, bytes, wordsPerImage));
	return { words, count, shape: imageShape, dispose: () => words.dispose() };
}

/** Images of `bytes` bytes, each followed by zeros up to whole words. */
function paddedToWords(pixels: Uint8Array, count: number, bytes: number, wordsPerImage: number): Uint8Array {
	const padded = new Uint8Array(4 * count * wordsPerImage);
	for (let i = 0; i < count; i++) padded.set(pixels.subarray(i * bytes, (i + 1) * bytes), 4 * i * wordsPerImage);
	return padded;
}

export interface GatherImagesOptions {
	/** Multiplies the byte (default 1/255). */
	readonly scale?: number;
	/** Added to that (default −0.5). */
	readonly shift?: number;
}

/**
 * The images that the indices name, unpacked on the GPU: scale · byte + shift. An index that no image has gives zeros.
 *
 * @param indices uint32 or int32 [B]
 * @returns float32 [B, channels, height, width]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function gatherImages(
	images: PackedImages,
	indices: Tensor<"uint32"> | Tensor<"int32">,
	options: GatherImagesOptions = {},
): Tensor {
	const name = "gatherImages";
	if (!((images as PackedImages | undefined)?.words instanceof Tensor))
		throw wrongArgument(name, "images", "what packImages() gives", images);
	checkTensor(name, "images", images.words);
	checkTensor(name, "indices", indices, "uint32", "int32");
	const gpu = commonGpu(name, images.words, indices);
	checkOptions(name, options, ["scale", "shift"]);
	const { scale = 1 / 255, shift = -0.5 } = options;
	checkNumber(name, "scale", scale);
	checkNumber(name, "shift", shift);
	if (indices.shape.length !== 1)
		throw new ShapeError(`${name}: indices must be [B], but have shape ${formatShape(indices.shape)}.`);
	const out = gpu.empty([indices.size, ...images.shape]);
	launchElements(gatherImagesKernel, out.size, [images.words, indices, out], {
		constants: { IMAGES: images.count, ELEMENTS: sizeOf(images.shape) },
		uniforms: { scale, shift },
	});
	return out;
}
