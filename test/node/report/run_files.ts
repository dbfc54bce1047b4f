import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Gpu, gatherImages, packImages } from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import { Trainer, type VQVAE } from "tessera-gpu/vqvae";
import { writeFileAtomic } from "../../../src/node/files.js";
import type { ReportImages } from "../../../src/node/report/report_data.js";
import type { ReportFolder } from "../../../src/node/report/write_report.js";
import type { Quantizer } from "../../../src/quantizers/quantizer.js";

/** Digits of 28 × 28 for a report. */
export function digitImages(count: number, seed: number): ReportImages & { readonly pixels: Uint8Array } {
	const set = generateDigits(count, seed);
	const read = async (indices: Uint32Array) => {
		const pixels = new Uint8Array(indices.length * 784);
		for (const [i, index] of indices.entries())
			pixels.set(set.pixels.subarray(index * 784, (index + 1) * 784), i * 784);
		return pixels;
	};
	return { ...set, read };
}

/** Trains a model on digits for a few steps, and writes what a run's folder says of that. */
export async function trainRun(gpu: Gpu, model: VQVAE<Quantizer>, path: string, steps: number): Promise<void> {
	const { pixels } = digitImages(8 * steps, 0);
	const packed = packImages(gpu, pixels, [8 * steps, 1, 28, 28]);
	const trainer = new Trainer(model, { lr: 4e-3 });
	const taken = Array.from({ length: steps }, (_, step) => {
		const indices = Uint32Array.from({ length: 8 }, (_, i) => 8 * step + i);
		return trainer.step(() => gatherImages(packed, gpu.tensor(indices, [8])), { keepLosses: true });
	});
	const rows: object[] = (await trainer.readLosses(taken)).map((row) => ({ type: "step", epoch: 1, ...row }));
	trainer.dispose();
	packed.dispose();
	rows.push({ type: "epoch", epoch: 1, step: steps, nmse: 0.5, perplexity: 6, codesInUse: 8, imagesPerSecond: 99 });
	await mkdir(path, { recursive: true });
	await writeFile(join(path, "metrics.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
	await writeFile(join(path, "config.json"), JSON.stringify({ data: "digits", epochs: 2, seed: 0 }));
}

/** A folder that reports are written to. */
export function reportFolder(path: string): ReportFolder {
	return { path, write: (name, content) => writeFileAtomic(join(path, name), content) };
}
