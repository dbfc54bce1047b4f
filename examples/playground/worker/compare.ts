import { DivergenceError } from "tessera-gpu";
import type { CompareSide, Evaluation, StepMetrics } from "../shared/frames.js";
import type { Settings } from "../shared/settings.js";
import { evaluate } from "./evaluate.js";
import type { Activity } from "./scheduler.js";
import type { DevicePart, Session } from "./session.js";
import { shownImages, TrainingRun } from "./training_run.js";

/** Milliseconds between two frames, on a GPU and on an adapter that computes on the CPU. */
const frameInterval = { gpu: 250, cpu: 1500 };
/** Test images of a frame. */
const probeImages = { gpu: 64, cpu: shownImages };
/** How long a piece of training is, in milliseconds. */
const pieceLength = 12;
/** Milliseconds between two copies of both states, from which a lost device is recovered. */
const safetyInterval = { gpu: 10_000, cpu: 30_000 };

const names = ["a", "b"] as const;
/** Which of the two models. */
export type SideName = (typeof names)[number];

/** One of the two models. */
interface Side {
	readonly settings: Settings;
	run: TrainingRun | undefined;
	/** The state from which it continues if the device is lost. */
	safety: { readonly bytes: Uint8Array; readonly milliseconds: number } | undefined;
	/** Losses that no frame has had yet. */
	pending: StepMetrics[];
	evaluation: Evaluation | undefined;
	stopped: string | undefined;
}

/** Two models that are trained alternately, one step of each, from one seed. */
export class Comparison implements Activity, DevicePart {
	private sides: readonly [Side, Side] | undefined;
	private until = 0;
	private visible = true;
	private lastFrame = 0;
	private lastSafety = 0;
	private lastAdvance: number | undefined;

	constructor(private readonly session: Session) {
		session.register(this);
	}

	/** Two new models. They do not train yet. */
	async begin(a: Settings, b: Settings): Promise<void> {
		await this.end();
		const side = (settings: Settings): Side => ({
			settings,
			run: undefined,
			safety: undefined,
			pending: [],
			evaluation: undefined,
			stopped: undefined,
		});
		const sides = [side(a), side(b)] as const;
		try {
			for (const each of sides) this.make(each);
		} catch (error) {
			for (const { run } of sides) run?.dispose();
			throw error;
		}
		this.sides = sides;
		this.lastSafety = performance.now();
		await this.frame(true, false);
	}

	/** @param until the step after which both end */
	async play(until: number): Promise<void> {
		if (this.sides === undefined) return;
		for (const side of this.sides) {
			if (side.run === undefined) this.make(side);
			side.evaluation = undefined;
		}
		this.until = until;
		this.lastAdvance = undefined;
		await this.session.startActivity("compare", this);
	}

	/** Ends training, and evaluates both on all test images. */
	async pause(): Promise<void> {
		await this.session.endActivity(this);
		await this.frame(true, true);
	}

	/** Frees both models. */
	async end(): Promise<void> {
		await this.session.endActivity(this);
		for (const { run } of this.sides ?? []) run?.dispose();
		this.sides = undefined;
	}

	/** Shows one of the two as the run, with a copy of its state. @returns its settings */
	async takeOver(name: SideName, id: string): Promise<Settings> {
		await this.session.endActivity(this);
		const side = this.sides?.[names.indexOf(name)];
		const { run } = side ?? {};
		if (side === undefined || run === undefined) throw new Error("This comparison has ended: begin it again.");
		const { milliseconds } = run;
		const bytes = await run.hold(() => run.saveState());
		await this.session.begin(side.settings, id, { bytes, milliseconds });
		return side.settings;
	}

	/** Whether the page shows the comparison. */
	watch(visible: boolean): void {
		this.visible = visible;
	}

	async advance(): Promise<void> {
		const { sides, session } = this;
		if (sides === undefined) return;
		const begin = performance.now();
		do {
			for (const { run, stopped } of sides)
				if (run !== undefined && stopped === undefined && run.step < this.until) run.takeStep();
			await session.gpu.throttle(2);
		} while (!this.isDone && performance.now() - begin < pieceLength);
		const now = performance.now();
		// Each has half of the time.
		for (const { run } of sides) if (run !== undefined) run.milliseconds += (now - (this.lastAdvance ?? begin)) / 2;
		this.lastAdvance = now;
		const { isSlow } = session;
		if (this.isDone) {
			// Not awaited: `pause` waits for this piece of work.
			this.pause().catch((error) => session.report(error));
			return;
		}
		if (now - this.lastFrame > (isSlow ? frameInterval.cpu : frameInterval.gpu)) await this.frame(this.visible, false);
		if (now - this.lastSafety > (isSlow ? safetyInterval.cpu : safetyInterval.gpu)) await this.keepSafe(sides);
	}

	failed(error: unknown): void {
		this.session.failed(error);
	}

	deviceLost(): void {
		for (const side of this.sides ?? []) side.run = undefined;
	}

	private get isDone(): boolean {
		return (this.sides ?? []).every(({ run, stopped }) => (run?.step ?? 0) >= this.until || stopped !== undefined);
	}

	private make(side: Side): void {
		const { session } = this;
		side.run = new TrainingRun(session.gpu, side.settings, session.imagesFor(side.settings), "", side.safety);
	}

	private async keepSafe(sides: readonly [Side, Side]): Promise<void> {
		for (const side of sides) {
			const { run } = side;
			if (run === undefined) continue;
			const { milliseconds } = run;
			side.safety = { bytes: await run.hold(() => run.saveState()), milliseconds };
		}
		this.lastSafety = performance.now();
	}

	/** Reads the losses, looks at both models if they are visible, and tells the page. */
	private async frame(look: boolean, withEvaluation: boolean): Promise<void> {
		const { sides, session } = this;
		if (sides === undefined) return;
		this.lastFrame = performance.now();
		const told: CompareSide[] = [];
		for (const side of sides) told.push(await this.tell(side, look, withEvaluation));
		if (this.sides !== sides) return;
		const [a, b] = told as [CompareSide, CompareSide];
		session.emit({
			kind: "compare",
			frame: { originals: look ? sides[0].run?.originals() : undefined, sides: [a, b] },
		});
	}

	private async tell(side: Side, look: boolean, withEvaluation: boolean): Promise<CompareSide> {
		const { run } = side;
		const nothing = { test: undefined, reconstructions: undefined, counts: undefined };
		if (run === undefined) return { step: 0, losses: [], ...nothing, evaluation: undefined, stopped: side.stopped };
		return run.hold(async () => {
			await this.readLosses(side, run);
			const probe = this.session.isSlow ? probeImages.cpu : probeImages.gpu;
			const seen = look ? await run.look({ codebook: false, plane: false }, probe) : undefined;
			if (withEvaluation) side.evaluation = await evaluate(run);
			const { test, reconstructions, counts } = seen ?? nothing;
			const { evaluation, stopped } = side;
			return { step: run.step, losses: side.pending.splice(0), test, reconstructions, counts, evaluation, stopped };
		});
	}

	/** If one of the two diverges, the other one goes on. */
	private async readLosses(side: Side, run: TrainingRun): Promise<void> {
		try {
			side.pending.push(...(await run.readLosses()));
		} catch (error) {
			if (!(error instanceof DivergenceError)) throw error;
			side.stopped = error.message;
		}
	}
}
