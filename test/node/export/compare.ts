import { noGrad, type Tensor } from "tessera-gpu";
import { CodebookQuantizer, FiniteScalarQuantizer, ResidualQuantizer } from "tessera-gpu/quantizers";
import type { VQVAE } from "tessera-gpu/vqvae";
import * as assert from "uvu/assert";
import type { Quantizer } from "../../../src/quantizers/quantizer.js";
import { asInt64, Session } from "./onnx_runtime.js";
import { type CheckedQuantizer, isTie } from "./ties.js";

/** The encoder's and the decoder's file. */
export interface OnnxFiles {
	readonly encoder: Uint8Array;
	readonly decoder: Uint8Array;
}

/**
 * Throws unless ONNX Runtime gives the codes of the model, but for ties within float32's rounding, and its images within 1e-5 of the
 * largest value.
 *
 * @returns how many codes occur, and how many differ
 */
export async function compareWithOnnx(
	model: VQVAE<Quantizer>,
	files: OnnxFiles,
	batches: readonly Tensor[],
): Promise<{ readonly inUse: number; readonly different: number }> {
	const quantizer = await checkedQuantizer(model.vqLayer);
	const encoder = await Session.open(files.encoder);
	const decoder = await Session.open(files.decoder);
	assert.equal(
		[encoder.names, decoder.names],
		[
			["images", "codes"],
			["codes", "images"],
		],
	);
	const inUse = new Set<number>();
	let different = 0;
	for (const images of batches) {
		const { gpu } = images;
		const [codes, decoded, latents] = gpu.scope(() =>
			noGrad(() => {
				const codes = model.encode(images);
				return [codes, model.decode(codes), model.encoder.forward(images)] as const;
			}),
		);
		const ours = await codes.data();
		const { shape, data } = await encoder.run(await images.data(), images.shape);
		assert.equal([...shape], [...codes.shape]);
		const theirs = Array.from(data, Number);
		const z = await latents.data();
		const { levels } = model.vqLayer;
		const [, dimensions, rows, columns] = latents.shape;
		const plane = rows * columns;
		for (const code of ours) inUse.add(code);
		for (let position = 0; position < ours.length / levels; position++) {
			const codesAt = (all: ArrayLike<number>) =>
				Array.from({ length: levels }, (_, level) => all[position * levels + level]);
			const [own, other] = [codesAt(ours), codesAt(theirs)];
			const first = Math.floor(position / plane) * dimensions * plane + (position % plane);
			const latent = Array.from({ length: dimensions }, (_, d) => z[first + d * plane]);
			const same = own.every((code, level) => code === other[level]);
			if (!same) different++;
			assert.ok(same || isTie(latent, quantizer, own, other), `${own} and ${other} at ${position} of ${images.shape}`);
		}
		const expected = await decoded.data();
		const found = await decoder.run(asInt64(ours), codes.shape);
		assert.equal([...found.shape], [...decoded.shape]);
		const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
		const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(found.data[i]))), 0);
		assert.ok(error <= 1e-5 * largest, `decoder: ${error} of ${largest}`);
		for (const tensor of [codes, decoded, latents]) tensor.dispose();
	}
	return { inUse: inUse.size, different };
}

async function checkedQuantizer(quantizer: Quantizer): Promise<CheckedQuantizer> {
	if (quantizer instanceof FiniteScalarQuantizer) return { levels: quantizer.levelsPerDimension };
	const books = Object.entries(quantizer.stateDict()).filter(([name]) => name.endsWith("embeddings.weight"));
	const first = quantizer instanceof ResidualQuantizer ? quantizer.codebooks[0] : quantizer;
	return {
		codebooks: await Promise.all(books.map(async ([, { shape }], i) => rowsOf(await books[i][1].data(), shape[1]))),
		cosine: first instanceof CodebookQuantizer && first.cosine,
	};
}

function rowsOf(data: ArrayLike<number>, columns: number): number[][] {
	return Array.from({ length: data.length / columns }, (_, row) =>
		Array.from({ length: columns }, (_, column) => data[row * columns + column]),
	);
}
