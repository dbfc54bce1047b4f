import { type Gpu, TesseraError } from "tessera-gpu";
import { Trainer, type VQVAE } from "tessera-gpu/vqvae";
import type { Bench } from "../harness/benchmark.js";
import { byKernel, type KernelCost, stagesOf } from "../harness/ours.js";
import type { Measurement } from "../harness/report.js";
import { spreadOf } from "../harness/statistics.js";
import { timesOf } from "../harness/times.js";
import { type Contender, notesOn, timeAlternately } from "../harness/timing.js";
import type { OtherNetwork, OtherTraining } from "./other_training.js";
import { batchSize, imageSize, openTraining, type Training } from "./problem.js";

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
	/** Those of jax-js; null if it was left out. */
	readonly jax_losses: readonly number[] | null;
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
	readonly losses: Pick<StepDetails, "losses" | "tfjs_losses" | "jax_losses">;
	/** The contenders that took the steps, each with the milliseconds of its last one. */
	readonly contenders: readonly Contender[];
	/** Why the others did not take them. */
	readonly notes: readonly string[];
}

/** Takes the first steps in each library. @throws Error if their losses differ */
async function compareLosses({ trainer, images }: Training, networks: readonly OtherNetwork[]): Promise<Comparison> {
	const losses: number[] = [];
	for (let step = 0; step < comparedSteps; step++) losses.push(await trainer.step(images).loss.item());
	const others = new Map<string, number[]>();
	const contenders: Contender[] = [];
	const notes: string[] = [];
	for (const { contender, loss } of networks) {
		const theirs: number[] = [];
		let before = 0;
		try {
			for (let step = 0; step < comparedSteps; step++) {
				const start = performance.now();
				theirs.push(await loss());
				before = performance.now() - start;
			}
		} catch (error) {
			if (!(error instanceof TesseraError)) throw error;
			notes.push(error.message);
			continue;
		}
		const apart = theirs.map((value, i) => Math.abs(value / (losses[i] as number) - 1));
		if (!apart.every((difference) => difference <= tolerance))
			throw new Error(`The losses differ: ours ${losses.join(", ")}, ${contender.name} ${theirs.join(", ")}.`);
		others.set(contender.name, theirs);
		contenders.push({ ...contender, before });
	}
	const { "jax-js": jax = null, ...tfjs } = Object.fromEntries(others);
	return { losses: { losses, tfjs_losses: tfjs, jax_losses: jax }, contenders, notes };
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

async function openOthers(gpu: Gpu, model: VQVAE): Promise<OtherTraining[]> {
	const { openTfjsTraining } = await import("./tfjs_training.js");
	const { openJaxTraining } = await import("./jax_training.js");
	return [await openTfjsTraining(gpu, model), await openJaxTraining(gpu, model)];
}

/** Measures a whole training step of the reference network. */
export async function measureStep({ gpu, options }: Bench): Promise<TrainRow> {
	const training = openTraining(gpu);
	const { model, trainer, images } = training;
	const others = options.tfjs ? await openOthers(gpu, model) : [];
	try {
		const { losses, contenders, notes } = await compareLosses(
			training,
			others.flatMap(({ networks }) => networks),
		);
		// The one place that says what a step is: a trainer that captures its steps is timed as it comes.
		const step = () => trainer.step(images);
		const us: Contender = { name: "ours", call: step, finish: () => gpu.finish() };
		const results = await timeAlternately([us, ...contenders], options);
		const times = timesOf(results);
		const remarks = [...notes, ...notesOn(results)];
		const observed = await observe(gpu, step);
		return {
			name: `step-${batchSize}`,
			...times,
			gflops: operations(model) / times.ours_ms / 1e6,
			images_per_second: (1000 * batchSize) / times.ours_ms,
			...observed,
			tfjs_naive_ms: results.get("tfjs naive")?.median ?? null,
			tfjs_matmul_ms: results.get("tfjs matmul")?.median ?? null,
			...losses,
			note: remarks.length === 0 ? undefined : remarks.join("; "),
			kernels: await kernelCosts(gpu, training),
		};
	} finally {
		for (const other of others) other.close();
		trainer.dispose();
		model.dispose();
		images.dispose();
	}
}
