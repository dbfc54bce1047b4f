import { noGrad, Random, reshape, slice, type Tensor } from "tessera-gpu";
import { completePrior, samplePrior } from "tessera-gpu/prior";
import { mostSampledClasses, type Pictures, type PriorPoint, type Samples } from "../shared/frames.js";
import { type Coded, RunEndedError } from "./drawing.js";
import { fromPictures, toPictures } from "./pictures.js";
import { type DrawOptions, drawCode, drawProbabilities, likeliest } from "./prior/draw_code.js";
import { type PriorCopy, PriorTraining } from "./prior/prior_training.js";
import type { Activity } from "./scheduler.js";
import type { DevicePart, Session } from "./session.js";

/** Milliseconds between two events while the prior trains. */
const eventInterval = 250;
/** How long a piece of training is, in milliseconds. */
const pieceLength = 12;
/** Codes whose probabilities are shown. */
const shownCodes = 12;
/** Samples of one class, or without classes. */
const samplesOfOne = 10;
/** Particles of a completion, see `completePrior`. */
const particles = { gpu: 32, cpu: 8 };
/** How samples are drawn while the prior trains. */
const preview: SampleRequest = { temperature: 0.9, topK: undefined, label: undefined, seed: 0 };

/** How codes are drawn, and of which class. */
export interface SampleRequest extends DrawOptions {
	/** The class; undefined: one sample of each class, or in a completion an unknown class. */
	readonly label: number | undefined;
	readonly seed: number;
}

/** What the code at a position may be, and which one is drawn. */
export interface NextCode {
	/** The likeliest codes, most likely first, with the probabilities with which they are drawn. */
	readonly likeliest: readonly { readonly code: number; readonly probability: number }[];
	readonly drawn: number;
	readonly probability: number;
}

/** The prior of the shown run: its training, and what is drawn from it. */
export class Prior implements Activity, DevicePart {
	private training: PriorTraining | undefined;
	/** The newest copy in host memory. */
	private copied: PriorCopy | undefined;
	/** The most frequent code of each position. */
	private common: Uint32Array | undefined;
	private isPrepared = false;
	private losses: PriorPoint[] = [];
	private lastEvent = Number.NEGATIVE_INFINITY;

	constructor(private readonly session: Session) {
		session.register(this);
	}

	/** Trains a new prior on the codes of the run's model as it is now. The training of the run waits. */
	async train(): Promise<void> {
		const { session } = this;
		await session.endActivity(this);
		await session.pause(); // with a frame of the step that the prior belongs to
		this.discard();
		const { run } = session;
		const training = await run.hold(() => PriorTraining.begin(run));
		if (session.run !== run) {
			training.dispose(); // another run has begun meanwhile
			return;
		}
		this.training = training;
		this.tell();
		await session.startActivity("prior", this);
	}

	/** Continues a training that was stopped. */
	async continue(): Promise<void> {
		this.current();
		await this.session.startActivity("prior", this);
	}

	async stop(): Promise<void> {
		await this.session.endActivity(this);
	}

	async advance(): Promise<void> {
		const training = this.current();
		await training.hold(async () => {
			const { run } = this.session;
			if (!training.isEncoded) {
				await run.hold(() => training.encode(run.images));
				this.tell();
				return;
			}
			if (!training.isTrained) await this.takeSteps(training);
			if (training.isTrained) this.end();
		});
	}

	private async takeSteps(training: PriorTraining): Promise<void> {
		const { gpu } = training;
		if (!this.isPrepared) await training.prepare();
		this.isPrepared = true;
		const begin = performance.now();
		do {
			training.takeStep();
			await gpu.throttle(2);
		} while (!training.isDue && performance.now() - begin < pieceLength);
		const { isDue } = training;
		const tells = isDue || begin - this.lastEvent > eventInterval;
		if (isDue) await training.evaluate();
		if (tells) this.losses.push(...(await training.readLosses()));
		training.milliseconds += performance.now() - begin;
		if (isDue) this.copied = await training.copy();
		// Without a GPU samples take as long as dozens of steps.
		const shows = isDue && (training.isTrained || !this.session.isSlow);
		const samples = shows ? await this.draw(training, preview) : undefined;
		if (tells) this.tell(samples);
	}

	/** Ends the activity from `advance`, which must not wait: the end waits for `advance`. */
	private end(): void {
		this.session.endActivity(this).catch((error: unknown) => this.session.report(error));
	}

	failed(error: unknown): void {
		this.session.failed(error);
	}

	/** Draws images: one of each class, or several of one. */
	samples(request: SampleRequest): Promise<Samples> {
		return this.answer((training) => this.draw(training, request));
	}

	private async draw(training: PriorTraining, { temperature, topK, label, seed }: SampleRequest): Promise<Samples> {
		const { gpu, prior } = training;
		const { numClasses } = prior;
		const count = numClasses === 0 || label !== undefined ? samplesOfOne : Math.min(numClasses, mostSampledClasses);
		const labels = numClasses === 0 ? undefined : Array.from({ length: count }, (_, i) => label ?? i);
		const codes = gpu.scope(() => gpu.keep(samplePrior(prior, { count, labels, temperature, topK, seed })));
		return { ...(await decode(training, codes)), labels };
	}

	/**
	 * The likeliest codes of a position, and the one that is drawn there.
	 *
	 * @param codes [h, w, levels]; those from the position on are not used
	 * @param position counted row by row, the levels of a position one after the other
	 */
	next(codes: Uint32Array, position: number, { temperature, topK, label, seed }: SampleRequest): Promise<NextCode> {
		return this.answer(async ({ gpu, prior }) => {
			const { height, width, numEmbeddings } = prior;
			const column = gpu.scope(() =>
				noGrad(() => {
					const classes = prior.numClasses === 0 ? undefined : gpu.tensor(Uint32Array.of(label ?? 0));
					const logits = prior.forward(gpu.tensor(codes, [1, height, width]), classes);
					return slice(reshape(logits, [numEmbeddings, height * width]), 1, position, position + 1);
				}),
			);
			const logits = await column.data().finally(() => column.dispose());
			const probabilities = drawProbabilities(logits, { temperature, topK });
			// A number of its own for each position, so that going back and on gives the same codes.
			const drawn = drawCode(probabilities, new Random((seed * 65_537 + position) % 2 ** 31).uniform());
			return {
				likeliest: likeliest(probabilities, shownCodes),
				drawn,
				probability: probabilities[drawn] as number,
			};
		});
	}

	/** What the decoder makes of the first codes of a grid; the others are the most frequent ones of their positions. */
	decodeFirst(codes: Uint32Array, count: number): Promise<Pictures> {
		return this.answer(async (training) => {
			const { gpu, prior, subject } = training;
			this.common ??= subject.train.commonest(prior.numEmbeddings);
			const grid = this.common.slice();
			grid.set(codes.subarray(0, count));
			const { pictures } = await decode(training, gpu.tensor(grid, [1, prior.height, prior.width]));
			return pictures;
		});
	}

	/** The codes of a picture, and their picture, by the model that the prior belongs to. */
	encode(picture: Pictures): Promise<Coded> {
		return this.answer(async (training) => {
			const { gpu, model, prior, subject } = training;
			const { count, channels, height, width } = picture;
			const codes = gpu.scope(() =>
				model
					.encode(gpu.tensor(fromPictures(picture), [count, channels, height, width]))
					.share([count, prior.height, prior.width]),
			);
			const { codes: read, pictures } = await decode(training, codes);
			return { codes: read, picture: pictures, step: subject.step };
		});
	}

	/**
	 * Draws the codes that are not kept, given those that are.
	 *
	 * @param codes [h, w, levels]
	 * @param keep [h, w]: 0 for positions to draw
	 */
	complete(codes: Uint32Array, keep: Uint8Array, count: number, request: SampleRequest): Promise<Samples> {
		return this.answer(async (training) => {
			const { gpu, prior, subject } = training;
			const { numEmbeddings, height, width, channels } = prior;
			const { levels } = subject.info;
			const { label, temperature, topK, seed } = request;
			// The device must be able to bind the logits or the sums of all particles.
			const bytes = 4 * height * width * Math.max(numEmbeddings, 4 * channels);
			const most = Math.floor(gpu.device.limits.maxStorageBufferBindingSize / bytes / count);
			const completions = await completePrior(prior, {
				codes,
				keep: Array.from(codes, (_, i) => keep[Math.floor(i / levels)] as number),
				count,
				label,
				temperature,
				topK,
				seed,
				particles: Math.max(1, Math.min(most, this.session.isSlow ? particles.cpu : particles.gpu)),
			});
			const drawn = await decode(training, gpu.tensor(completions, [count, height, width]));
			return { ...drawn, labels: label === undefined ? undefined : new Array<number>(count).fill(label) };
		});
	}

	/** prior.safetensors: `tessera sample` draws from it, with the file of `model` in the same folder. */
	save(): Promise<Uint8Array> {
		return this.answer((training) => training.savePrior());
	}

	/** model.safetensors of the model whose codes the prior has learnt. */
	async model(): Promise<Uint8Array> {
		return this.current().subject.bytes;
	}

	deviceLost(): void {
		const hadOne = this.training !== undefined;
		this.training = undefined;
		this.isPrepared = false;
		this.losses = [];
		if (hadOne && this.copied === undefined) this.session.emit({ kind: "prior", prior: undefined, lost: true });
		else this.tell();
	}

	/** A prior belongs to one run. */
	runBegan(id: string): void {
		if ((this.training ?? this.copied)?.subject.info.id !== id) this.discard();
	}

	private discard(): void {
		this.training?.dispose();
		this.training = undefined;
		this.copied = undefined;
		this.common = undefined;
		this.isPrepared = false;
		this.losses = [];
		this.tell();
	}

	/** The prior; if its device was lost, it is made again from the copy. @throws RunEndedError if its run has ended */
	private current(): PriorTraining {
		if (this.training === undefined && this.copied !== undefined)
			this.training = PriorTraining.restore(this.session.gpu, this.copied);
		if (this.training === undefined) throw new RunEndedError();
		return this.training;
	}

	/** Answers a request of the page. */
	private answer<T>(request: (training: PriorTraining) => Promise<T>): Promise<T> {
		return this.session.scheduler.answer(async () => {
			const training = this.current();
			return training.hold(() => request(training));
		});
	}

	/** Tells the page how the prior stands. */
	private tell(samples?: Samples): void {
		this.lastEvent = performance.now();
		const prior = this.training ?? this.copied;
		if (prior === undefined) {
			this.session.emit({ kind: "prior", prior: undefined, lost: false });
			return;
		}
		const { subject, step, milliseconds, heldOutPoint } = prior;
		const { info, train, heldOut, plan, patches } = subject;
		const { steps, sizes } = plan;
		this.session.emit({
			kind: "prior",
			lost: false,
			prior: {
				runId: info.id,
				encoded: train.encoded + heldOut.encoded,
				images: train.count + heldOut.count,
				step,
				steps,
				secondsLeft: step > 0 ? ((milliseconds / step) * (steps - step)) / 1000 : undefined,
				losses: this.losses.splice(0),
				heldOut: heldOutPoint,
				modelStep: subject.step,
				patches,
				positions: sizes.height * sizes.width,
				classes: sizes.numClasses,
				channels: sizes.channels,
				layers: sizes.layers,
				samples,
			},
		});
	}
}

/** Decodes grids of codes, [count, h, w · levels]; they are freed. */
async function decode(training: PriorTraining, grids: Tensor<"uint32">): Promise<Omit<Samples, "labels">> {
	const { gpu, model } = training;
	let picture: Tensor | undefined;
	try {
		picture = gpu.scope(() => model.decode(training.asModelCodes(grids)));
		const { shape } = picture;
		const [codes, values] = await gpu.readAll([grids, picture]);
		return { codes: codes as Uint32Array, pictures: toPictures(values as Float32Array, shape) };
	} finally {
		grids.dispose();
		picture?.dispose();
	}
}
