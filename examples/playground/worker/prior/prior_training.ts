import { type Gpu, loadSafetensors, noGrad, saveSafetensors, type Tensor } from "tessera-gpu";
import { GatedPixelCNN, PriorTrainer } from "tessera-gpu/prior";
import type { Quantizer } from "tessera-gpu/quantizers";
import type { VQVAE } from "tessera-gpu/vqvae";
import type { Pictures, PriorPoint, RunInfo } from "../../shared/frames.js";
import type { Settings } from "../../shared/settings.js";
import { BatchOrder, consecutiveBatches, type ImagesOnGpu } from "../data.js";
import { makeModel } from "../make_model.js";
import { sha256 } from "../sha256.js";
import { decodeSquares, patchesOf, type TrainingRun } from "../training_run.js";
import { Uses } from "../uses.js";
import { CodeSet } from "./code_set.js";
import { type PriorPlan, planPrior } from "./plan.js";

/** Images that are encoded together, on a GPU and on an adapter that computes on the CPU. */
const encodedTogether = { gpu: 128, cpu: 32 };
/** Grids that are evaluated together. */
const evaluatedTogether = 32;

/** What a prior learns: the codes of a VQ-VAE as it was when the prior's training began. */
interface Subject {
	readonly info: RunInfo;
	readonly settings: Settings;
	readonly variance: number;
	/** Steps that the VQ-VAE had taken. */
	readonly step: number;
	/** The VQ-VAE's model.safetensors. */
	readonly bytes: Uint8Array;
	readonly patches: Pictures;
	readonly train: CodeSet;
	readonly heldOut: CodeSet;
	readonly plan: PriorPlan;
}

/** A copy in host memory, from which a training continues on another device. */
export interface PriorCopy {
	readonly subject: Subject;
	/** The state dict of the trainer. */
	readonly bytes: Uint8Array;
	/** Training steps that were taken. */
	readonly step: number;
	readonly milliseconds: number;
	readonly heldOutPoint: PriorPoint | undefined;
}

/** A prior in training or trained, with a copy of the VQ-VAE whose codes it learns. */
export class PriorTraining {
	/** A copy: that of the run may train on. */
	readonly model: VQVAE<Quantizer>;
	readonly prior: GatedPixelCNN;
	/** Milliseconds of training so far. */
	milliseconds = 0;
	/** The newest evaluation on images that are not trained on. */
	heldOutPoint: PriorPoint | undefined;
	private readonly trainer: PriorTrainer;
	private readonly order: BatchOrder;
	private kept: Tensor[] = [];
	private taken = 0;
	private readonly uses = new Uses(() => this.free());

	/** Copies the run's model. */
	static async begin(run: TrainingRun): Promise<PriorTraining> {
		const { gpu, info, settings, images, step } = run;
		const { grid, levels, codes, classes } = info;
		const { train, test } = images.images;
		const bytes = await run.saveModel();
		const squares = gpu.scope(() => noGrad(() => decodeSquares(run.model)));
		const patches = patchesOf(await squares.data().finally(() => squares.dispose()), squares.shape);
		const numClasses = train.labels !== undefined && classes.length > 1 ? classes.length : 0;
		const shape = { height: grid[0], width: grid[1] * levels };
		const plan = planPrior(
			{ numEmbeddings: codes, ...shape, numClasses, seed: settings.seed },
			train.count,
			gpu.adapter.software,
		);
		return new PriorTraining(gpu, {
			info,
			settings,
			variance: images.variance,
			step,
			bytes,
			patches,
			train: new CodeSet(train, shape, numClasses),
			heldOut: new CodeSet(test, shape, numClasses),
			plan,
		});
	}

	/** The same prior on another device. */
	static restore(gpu: Gpu, { subject, bytes, step, milliseconds, heldOutPoint }: PriorCopy): PriorTraining {
		const restored = new PriorTraining(gpu, subject);
		try {
			restored.trainer.loadStateDict(loadSafetensors(bytes));
		} catch (error) {
			restored.dispose();
			throw error;
		}
		restored.taken = step;
		restored.milliseconds = milliseconds;
		restored.heldOutPoint = heldOutPoint;
		return restored;
	}

	private constructor(
		readonly gpu: Gpu,
		readonly subject: Subject,
	) {
		const { settings, info, variance, bytes, plan, train } = subject;
		this.model = makeModel(gpu, settings, { channels: info.images.channels, variance });
		const made: { dispose(): void }[] = [this.model];
		try {
			this.model.loadStateDict(loadSafetensors(bytes));
			this.prior = new GatedPixelCNN(gpu, plan.sizes);
			made.push(this.prior);
			const { steps, lr, dropout } = plan;
			this.trainer = new PriorTrainer(this.prior, { steps, lr, dropout, seed: settings.seed });
		} catch (error) {
			for (const each of made.reverse()) each.dispose();
			throw error;
		}
		this.order = new BatchOrder(train.count, plan.batch, settings.seed);
	}

	/** Training steps that were taken. */
	get step(): number {
		return this.taken;
	}

	get isEncoded(): boolean {
		return this.subject.train.isComplete && this.subject.heldOut.isComplete;
	}

	get isTrained(): boolean {
		return this.taken >= this.subject.plan.steps;
	}

	/** Whether the prior is to be evaluated and copied after the step that was taken last. */
	get isDue(): boolean {
		return this.isTrained || this.taken % this.subject.plan.evaluateEvery === 0;
	}

	/** Encodes the next images. */
	async encode(images: ImagesOnGpu): Promise<void> {
		const { train, heldOut } = this.subject;
		const together = this.gpu.adapter.software ? encodedTogether.cpu : encodedTogether.gpu;
		if (!heldOut.isComplete) await heldOut.encode(this.model, together, (indices) => images.testImages(indices));
		else await train.encode(this.model, together, (indices) => images.trainImages(indices));
	}

	/** Compiles what the steps launch. */
	async prepare(): Promise<void> {
		const { batch, sizes } = this.subject.plan;
		await this.trainer.prepare([batch, sizes.height, sizes.width]);
	}

	/** One training step; waits for nothing. */
	takeStep(): void {
		const { gpu, trainer } = this;
		const indices = this.order.at(this.taken);
		this.kept.push(gpu.scope(() => gpu.keep(trainer.step(this.subject.train.batch(gpu, indices)))));
		this.taken += 1;
	}

	/** The losses of the steps since the last call. */
	async readLosses(): Promise<PriorPoint[]> {
		return this.kept.length === 0 ? [] : await this.trainer.readLosses(this.kept.splice(0));
	}

	/** Evaluates the prior on images that are not trained on. */
	async evaluate(): Promise<void> {
		const { heldOut, plan } = this.subject;
		const { taken: step } = this;
		const count = Math.min(plan.heldOut, heldOut.count);
		const batches = consecutiveBatches(count, evaluatedTogether).map(
			(indices) => () => heldOut.batch(this.gpu, indices),
		);
		this.heldOutPoint = { step, nats: await this.trainer.evaluate(batches) };
	}

	async copy(): Promise<PriorCopy> {
		const { subject, taken: step, milliseconds, heldOutPoint } = this;
		const state = this.trainer.stateDict();
		try {
			return { subject, bytes: await saveSafetensors(state), step, milliseconds, heldOutPoint };
		} finally {
			for (const tensor of Object.values(state)) tensor.dispose();
		}
	}

	/** prior.safetensors, as `tessera train-prior` writes it. */
	async savePrior(): Promise<Uint8Array> {
		const { bytes, info, plan } = this.subject;
		const { seed: _, ...sizes } = plan.sizes;
		return saveSafetensors(this.prior.stateDict(), {
			format: "pt",
			prior: "gated-pixel-cnn",
			levels: String(info.levels),
			model: await sha256(bytes),
			...Object.fromEntries(Object.entries(sizes).map(([name, value]) => [name, String(value)])),
		});
	}

	/** Codes of the prior, [count, h, w · levels], as those of the VQ-VAE. */
	asModelCodes(codes: Tensor<"uint32">): Tensor<"uint32"> {
		const { grid, levels } = this.subject.info;
		const [count] = codes.shape as readonly [number];
		return codes.share(levels === 1 ? [count, ...grid] : [count, ...grid, levels]);
	}

	/** Runs `body`; the tensors are freed after it if the prior is disposed of meanwhile. */
	hold<T>(body: () => Promise<T>): Promise<T> {
		return this.uses.hold(body);
	}

	/** Frees everything on the device once nothing holds it. */
	dispose(): void {
		this.uses.end();
	}

	private free(): void {
		for (const loss of this.kept.splice(0)) loss.dispose();
		this.trainer.dispose();
		this.prior.dispose();
		this.model.dispose();
	}
}
