import { gatherImages, packImages } from "../../ops/images.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import type { Announced, CodeWriter, CompleteInfo } from "../codes/code_set.js";
import { pixelShift } from "../images/pictures.js";
import type { ImageBatch } from "./image_stream.js";

/** A batch as the network's input. It belongs to the scope in which this is called. */
export function networkInput(gpu: Gpu, { count, channels, height, width, pixels }: ImageBatch): Tensor {
	const packed = packImages(gpu, pixels, [count, channels, height, width]);
	try {
		const indices = Uint32Array.from({ length: count }, (_, i) => i);
		return gatherImages(packed, gpu.tensor(indices, [count]), { shift: pixelShift });
	} finally {
		packed.dispose();
	}
}

/** What the codes of images of this size are. */
export function describeCodes(
	{ vqLayer, inChannels }: VQVAE<Quantizer>,
	{ height, width }: { readonly height: number; readonly width: number },
): CompleteInfo {
	return {
		height: height / 4,
		width: width / 4,
		levels: vqLayer.levels,
		codes: vqLayer.numEmbeddings,
		imageHeight: height,
		imageWidth: width,
		imageChannels: inChannels,
	};
}

interface EncodeOptions {
	/** What is known before the first image. */
	readonly known: Pick<CompleteInfo, "codebook" | "model" | "classes" | "shard">;
	readonly names: readonly string[];
	readonly hasLabels: boolean;
	readonly open: (announced: Announced) => Promise<CodeWriter>;
	readonly progress: (done: number) => void;
}

/** What was encoded. */
export interface Encoded {
	readonly count: number;
	readonly info: CompleteInfo;
}

/**
 * Encodes a stream of images and writes their codes. While the device computes a batch, the one before it is written and later ones
 * are read.
 */
export async function encodeStream(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	batches: AsyncIterable<ImageBatch>,
	{ known, names, hasLabels, open, progress }: EncodeOptions,
): Promise<Encoded> {
	let writer: CodeWriter | undefined;
	let info: CompleteInfo | undefined;
	let count = 0;
	let computing: { readonly batch: ImageBatch; readonly codes: Promise<Uint32Array> } | undefined;
	const write = async () => {
		if (computing === undefined) return;
		const { batch, codes } = computing;
		await writer?.append({ count: batch.count, codes: await codes, names: batch.names, labels: batch.labels });
		count += batch.count;
		progress(count);
	};
	try {
		for await (const batch of batches) {
			if (writer === undefined || info === undefined) {
				info = { ...describeCodes(model, batch), ...known };
				writer = await open({ info, names, hasLabels });
			}
			const indices = gpu.scope(() => model.encode(networkInput(gpu, batch)));
			const codes = indices.data();
			codes.catch(() => undefined); // It is reported when the batch is written.
			indices.dispose();
			await write();
			computing = { batch, codes };
		}
		await write();
		await writer?.finish();
	} catch (error) {
		await writer?.discard();
		throw error;
	}
	if (info === undefined) throw new Error("A stream of images ended without images and without an error.");
	return { count, info };
}
