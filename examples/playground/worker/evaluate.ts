import { noGrad } from "tessera-gpu";
import { codeUse } from "tessera-gpu/quantizers";
import type { Evaluation } from "../shared/frames.js";
import { consecutiveBatches } from "./data.js";
import { errorMetrics, squaredError } from "./errors.js";
import type { TrainingRun } from "./training_run.js";

/** Images that are run together. */
const together = 64;

/** The errors and the use of codes on all test images. */
export function evaluate(run: TrainingRun): Promise<Evaluation> {
	return run.hold(async () => {
		const { gpu, model, images, info, step } = run;
		const { count } = images.images.test;
		// All of them are launched before anything is read, so that they see one state of the model.
		const made = gpu.scope(() =>
			consecutiveBatches(count, together).flatMap((batch) =>
				gpu.scope(() =>
					noGrad(() => {
						const originals = images.testImages(batch);
						const indices = model.encode(originals);
						return [originals, indices, model.decode(indices)];
					}),
				),
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
				squared += squaredError(originals, decoded);
				for (const [at, code] of indices.entries()) (counts[at % info.levels] as Uint32Array)[code] += 1;
			}
		} finally {
			for (const tensor of made) tensor.dispose();
		}
		const positions = info.grid[0] * info.grid[1];
		const uses = counts.map(codeUse);
		const [first = { perplexity: 0, codesInUse: 0 }] = uses;
		return {
			step,
			images: count,
			...errorMetrics(squared / values, images.variance),
			...first,
			bits: positions * uses.reduce((sum, { perplexity }) => sum + Math.log2(Math.max(1, perplexity)), 0),
			mostBits: positions * info.levels * Math.log2(info.codes),
		};
	});
}
