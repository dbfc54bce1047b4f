import type { Gpu } from "tessera-gpu";
import { Trainer, type VQVAE } from "tessera-gpu/vqvae";
import type { Bench } from "../harness/benchmark.js";
import { byKernel, type KernelCost, stagesOf } from "../harness/ours.js";
import type { Measurement } from "../harness/report.js";
import { spreadOf } from "../harness/statistics.js";
import { type Contender, notesOn, timeAlternately } from "../harness/timing.js";
import { batchSize, imageSize, openTraining, type Training } from "./problem.js";
import type { TfjsTraining } from "./tfjs_training.js";

/** What is known of a step in its steady state. */
export interface StepDetails {
	readonly images_per_second: number;
	/** From the call to its return: what the host does for a step. */
	readonly host_ms: number;
	readonly dispatches: number;
	readonly submits: number;
	readonly pipelines_made: number;
	readonly bind_groups_made: number;
	/** Alive after a step: weights, moments, the batch and the losses. */
	readonly buffers: number;
	readonly bytes: number;
	/** Free, for the next step. */
	readonly pooled_bytes: number;
	readonly tfjs_naive_ms: number | null;
	readonly tfjs_matmul_ms: number | null;
	/** Losses of the first steps from the same weights. */
	readonly losses: readonly number[];
	readonly tfjs_losses: Readonly<Record<string, readonly number[]>>;
	readonly kernels: readonly KernelCost[];
}

export type TrainRow = Measurement & Partial<StepDetails>;

/** How many steps are compared, and how closely their losses must agree. */
const comparedSteps = 3;
const tolerance = 1e-3;
/** Steps over which the host's time is taken, and seconds after which three are enough. */
const hostSteps = 10;
const hostBudget = 5;
/** How often each of a step's many launches is timed. */
const kernelTiming = { rounds: 3, budget: 1 };

/** Two operations a multiply-add: the forward pass, and both gradients of all but the distances and the first layer's input. */
function operations(model: VQVAE): number {
	const input = [batchSize, 1, imageSize, imageSize];
	const encoder = model.encoder.cost(input);
	const quantizer = model.vqLayer.cost(encoder.output);
	const decoder = model.decoder.cost(encoder.output);
	const [first] = model.encoder.convs.layers;
	const spared = first?.cost(input).multiplyAdds ?? 0;
	return 2 * (3 * (encoder.multiplyAdds + decoder.multiplyAdds) - spared + quantizer.multiplyAdds);
}

interface Comparison {
	readonly losses: Pick<StepDetails, "losses" | "tfjs_losses">;
	/** Milliseconds of the last of these steps, by the contender's name. */
	readonly before: ReadonlyMap<string, number>;
}

/** Takes the first steps in both libraries. @throws Error if their losses differ */
async function compareLosses({ trainer, images }: Training, tfjs: TfjsTraining | undefined): Promise<Comparison> {
	const losses: number[] = [];
	for (let step = 0; step < comparedSteps; step++) losses.push(await trainer.step(images).loss.item());
	const others: Record<string, number[]> = {};
	const before = new Map<string, number>();
	for (const { contender, loss } of tfjs?.variants ?? []) {
		const theirs: number[] = [];
		for (let step = 0; step < comparedSteps; step++) {
			const start = performance.now();
			theirs.push(await loss());
			before.set(contender.name, performance.now() - start);
		}
		others[contender.name] = theirs;
		const apart = theirs.map((value, i) => Math.abs(value / (losses[i] as number) - 1));
		if (!apart.every((difference) => difference <= tolerance))
			throw new Error(`The losses differ: ours ${losses.join(", ")}, ${contender.name} ${theirs.join(", ")}.`);
	}
	return { losses: { losses, tfjs_losses: others }, before };
}

/** What a step makes and leaves, and what the host needs for it. */
async function observe(gpu: Gpu, step: () => unknown) {
	const times: number[] = [];
	let before = gpu.counters();
	const begin = performance.now();
	for (let i = 0; i < hostSteps && (i < 3 || performance.now() - begin < 1000 * hostBudget); i++) {
		await gpu.finish();
		before = gpu.counters();
		const start = performance.now();
		step();
		times.push(performance.now() - start);
	}
	await gpu.finish();
	const after = gpu.counters();
	const { buffers, bytes, pooledBytes } = gpu.memory();
	return {
		host_ms: spreadOf(times).median,
		dispatches: after.dispatches - before.dispatches,
		submits: after.submits - before.submits,
		pipelines_made: after.pipelines - before.pipelines,
		bind_groups_made: after.bindGroupsMade - before.bindGroupsMade,
		buffers,
		bytes,
		pooled_bytes: pooledBytes,
	};
}

/** The GPU time of a step by kernel. */
async function kernelCosts(gpu: Gpu, { model, images }: Training): Promise<KernelCost[]> {
	// The first step of a trainer is launched kernel by kernel, whatever it does later. It comes last of all: each launch
	// is repeated, so the weights are of no use after it.
	const trainer = new Trainer(model);
	const costs = byKernel(await stagesOf(gpu, () => trainer.step(images), kernelTiming));
	trainer.dispose();
	return costs;
}

/** Measures a whole training step of the reference network. */
export async function measureStep({ gpu, options }: Bench): Promise<TrainRow> {
	const training = openTraining(gpu);
	const { model, trainer, images } = training;
	const tfjs = options.tfjs ? await (await import("./tfjs_training.js")).openTfjsTraining(gpu, model) : undefined;
	try {
		const { losses, before } = await compareLosses(training, tfjs);
		// The one place that says what a step is: a trainer that captures its steps is timed as it comes.
		const step = () => trainer.step(images);
		const us: Contender = { name: "ours", call: step, finish: () => gpu.finish() };
		const them = (tfjs?.variants ?? []).map(({ contender }) => ({
			...contender,
			before: before.get(contender.name) ?? 0,
		}));
		const results = await timeAlternately([us, ...them], options);
		const our = results.get("ours");
		if (our === undefined) throw new Error("ours was not measured");
		const notes = notesOn(results);
		results.delete("ours");
		const [fastest] = [...results.values()].sort((a, b) => a.median - b.median);
		const observed = await observe(gpu, step);
		const gflops = operations(model) / our.median / 1e6;
		return {
			name: `step-${batchSize}`,
			ours_ms: our.median,
			ours_quartiles: our.quartiles,
			ours_runs: our.runs,
			tfjs_ms: fastest?.median ?? null,
			tfjs_quartiles: fastest?.quartiles ?? null,
			tfjs_runs: fastest?.runs ?? 0,
			ratio: fastest === undefined ? null : fastest.median / our.median,
			gflops,
			images_per_second: (1000 * batchSize) / our.median,
			...observed,
			tfjs_naive_ms: results.get("tfjs naive")?.median ?? null,
			tfjs_matmul_ms: results.get("tfjs matmul")?.median ?? null,
			...losses,
			note: notes.length === 0 ? undefined : notes.join("; "),
			kernels: await kernelCosts(gpu, training),
		};
	} finally {
		tfjs?.close();
		trainer.dispose();
		model.dispose();
		images.dispose();
	}
}
