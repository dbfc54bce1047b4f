import { noGrad } from "tessera-gpu";
import { codeUse } from "tessera-gpu/quantizers";
import type { Evaluation } from "../shared/frames.js";
import type { TrainingRun } from "./training_run.js";

/** Images that are run together. */
const together = 64;

/** The errors and the use of codes on all test images. */
export function evaluate(run: TrainingRun): Promise<Evaluation> {
	return run.hold(async () => {
		const { gpu, model, images, info, step } = run;
		const { count } = images.images.test;
		const batches = Array.from({ length: Math.ceil(count / together) }, (_, batch) => {
			const first = batch * together;
			return Uint32Array.from({ length: Math.min(together, count - first) }, (_, i) => first + i);
		});
		// All of them are launched before anything is read, so that they see one state of the model.
		const made = batches.flatMap((batch) =>
			gpu.scope(() =>
				noGrad(() => {
					const originals = images.testImages(batch);
					const indices = model.encode(originals);
					return [originals, indices, model.decode(indices)];
				}),
			),
		);
		let squared = 0;
		let values = 0;
		const counts = Array.from({ length: info.levels }, () => new Uint32Array(info.codes));
		try {
			const read = await gpu.readAll(made);
			for (let i = 0; i < read.length; i += 3) {
				const [originals, indices, decoded] = read.slice(i, i + 3) as [Float32Array, Uint32Array, Float32Array];
				values += originals.length;
				for (const [at, original] of originals.entries())
					squared += (original - Math.min(0.5, Math.max(-0.5, decoded[at] as number))) ** 2;
				for (const [at, code] of indices.entries()) (counts[at % info.levels] as Uint32Array)[code] += 1;
			}
		} finally {
			for (const tensor of made) tensor.dispose();
		}
		const mse = squared / values;
		const positions = info.grid[0] * info.grid[1];
		const uses = counts.map(codeUse);
		const [first = { perplexity: 0, codesInUse: 0 }] = uses;
		return {
			step,
			images: count,
			nmse: mse / images.variance,
			psnr: -10 * Math.log10(Math.max(mse, 1e-10)),
			...first,
			bits: positions * uses.reduce((sum, { perplexity }) => sum + Math.log2(Math.max(1, perplexity)), 0),
			mostBits: positions * info.levels * Math.log2(info.codes),
		};
	});
}
