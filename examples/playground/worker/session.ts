import { DeviceLostError, DisposedError, type Gpu, openDevice } from "tessera-gpu";
import { adapterName } from "../shared/benchmark.js";
import { describeError } from "../shared/describe_error.js";
import type {
	ActivityName,
	EngineEvent,
	Frame,
	Machine,
	SessionState,
	StepMetrics,
	Watched,
} from "../shared/frames.js";
import type { Settings } from "../shared/settings.js";
import { digitImages, type RunImages } from "./data.js";
import { type Activity, Scheduler } from "./scheduler.js";
import { type RunStart, shownImages, TrainingRun } from "./training_run.js";

/** Milliseconds between two frames, on a GPU and on an adapter that computes on the CPU. */
const frameInterval = { gpu: 140, cpu: 500 };
/** Test images of a frame. */
const probeImages = { gpu: 64, cpu: 16 };
/** How long a piece of training is, in milliseconds: messages of the page are handled in between. */
const pieceLength = 12;
/** Milliseconds between two copies of the weights, from which a lost device is recovered. */
const safetyInterval = { gpu: 4000, cpu: 15_000 };
/** How often in a row a device may be lost before the page gives up. */
const mostLosses = 3;

/** The state of a run in host memory. */
export interface SavedState extends RunStart {
	readonly id: string;
	/** Steps that were taken. */
	readonly step: number;
}

/** A part of the engine that has something on the device. */
export interface DevicePart {
	/** The device is lost: forget everything on it. */
	deviceLost(): void;
	/** A run is shown: a new one, or the same again on another device. */
	runBegan?(id: string): void;
}

/** The device, the run that is shown, and what trains. */
export class Session implements Activity {
	readonly scheduler = new Scheduler(() => this.isSlow);
	private readonly parts: DevicePart[] = [];
	private readonly ports = new Set<MessagePort>();
	private opened: Gpu | undefined;
	private current: TrainingRun | undefined;
	private ownImages: RunImages | undefined;
	private watched: Watched = { codebook: true, plane: false };
	private state: SessionState = { phase: "opening", activity: undefined, hidden: false, speed: 0 };
	private pending: StepMetrics[] = [];
	private lastFrame = Number.NEGATIVE_INFINITY;
	private nextStep = 0;
	private rate = 0;
	/** The step after which training ends by itself. */
	private until = Number.POSITIVE_INFINITY;
	private safety: SavedState | undefined;
	private lastSafety = 0;
	/** Whether training has noticed the loss of the device before `recover`. */
	private interrupted = false;
	/** The run that the last device had when it was lost. */
	private lost:
		| {
				readonly id: string;
				readonly settings: Settings;
				readonly images: RunImages;
				readonly wasTraining: boolean;
		  }
		| undefined;
	/** How often the device was lost since the weights were last copied. */
	private losses = 0;
	private starting = 0;
	private opening: Promise<void> | undefined;
	private lastAdvance: number | undefined;
	private counted: { since: number; images: number } | undefined;
	/** The frame that is made; the next one waits for it. */
	private framing: Promise<void> = Promise.resolve();

	/** Sends events to a port of the page. */
	listen(port: MessagePort): void {
		this.ports.add(port);
		port.postMessage({ kind: "state", state: this.state } satisfies EngineEvent);
	}

	emit(event: EngineEvent, transfer: Transferable[] = []): void {
		for (const port of this.ports) port.postMessage(event, transfer);
	}

	/** A part that is told when the device is lost. */
	register(part: DevicePart): void {
		this.parts.push(part);
	}

	/** Opens the device. @throws NoAdapterError */
	async open(): Promise<Machine> {
		try {
			const gpu = await openDevice({ announce: false });
			this.opened = gpu;
			gpu.device.lost.then(() => {
				if (this.opened === gpu) this.recover();
			});
			const { vendor, architecture, software } = gpu.adapter;
			const { limits } = gpu.device;
			const shown = ["maxBufferSize", "maxStorageBufferBindingSize", "maxComputeInvocationsPerWorkgroup"] as const;
			return {
				adapter: adapterName(gpu.adapter),
				vendor,
				architecture,
				software,
				features: Array.from(gpu.device.features as Iterable<string>).sort(),
				limits: Object.fromEntries(shown.map((name) => [name, Number(limits[name])])),
			};
		} catch (error) {
			this.change({ phase: "no adapter" });
			throw error;
		}
	}

	/** Opens a device if none is open; calls at the same time share one. */
	private async openAgain(): Promise<void> {
		if (this.opened !== undefined) return;
		this.opening ??= this.open()
			.then(() => {})
			.finally(() => {
				this.opening = undefined;
			});
		await this.opening;
	}

	/** @throws Error before `open` */
	get gpu(): Gpu {
		if (this.opened === undefined) throw new Error("The device is not open yet.");
		return this.opened;
	}

	get isSlow(): boolean {
		return this.opened?.adapter.software ?? false;
	}

	get run(): TrainingRun {
		if (this.current === undefined) throw new Error("No run has begun yet.");
		return this.current;
	}

	get hasRun(): boolean {
		return this.current !== undefined;
	}

	/** The user's images, for settings whose data is "own". */
	setOwnImages(images: RunImages | undefined): void {
		this.ownImages = images;
	}

	imagesFor(settings: Settings): RunImages {
		if (settings.data === "digits") return digitImages(settings);
		if (this.ownImages === undefined)
			throw new Error("This run was trained on images that are not in this tab: add the same images again.");
		return this.ownImages;
	}

	/**
	 * Begins a run, or continues one from its state, and shows it. It does not train yet. If that fails, the run before stays.
	 *
	 * @param images of the run; by default those that its settings describe
	 * @returns whether it is shown: not if another run was begun meanwhile
	 */
	async begin(settings: Settings, id: string, start?: RunStart, images?: RunImages): Promise<boolean> {
		this.starting += 1;
		const order = this.starting;
		await this.scheduler.stop();
		if (order !== this.starting) return false;
		this.change({ phase: "preparing", activity: undefined });
		const before = this.current;
		let run: TrainingRun;
		try {
			if (this.opened === undefined) {
				this.losses = 0;
				await this.openAgain();
				if (order !== this.starting) return false;
			}
			run = new TrainingRun(this.gpu, settings, images ?? this.imagesFor(settings), id, start);
		} catch (error) {
			this.change({ phase: before === undefined ? "failed" : "ready" });
			throw error;
		}
		before?.dispose();
		this.current = run;
		this.lost = undefined;
		this.safety = start === undefined ? undefined : { ...start, id, step: run.step };
		this.pending = [];
		this.rate = 0;
		this.emit({ kind: "run", run: run.info, settings });
		for (const part of this.parts) part.runBegan?.(id);
		try {
			await this.frame(true);
		} finally {
			// Also after an error, for example OutOfMemoryError, so that the user can choose other settings.
			if (this.current === run) this.change({ phase: "ready" });
		}
		return this.current === run;
	}

	/** Trains. @param until the step after which training ends by itself */
	async play(until = Number.POSITIVE_INFINITY): Promise<void> {
		this.until = until;
		this.nextStep = 0;
		this.restartClock();
		await this.startActivity("train", this);
	}

	async pause(): Promise<void> {
		this.interrupted = false;
		await this.scheduler.stop(this);
		// The page shows the last step before it says that training is paused.
		try {
			if (this.current !== undefined) await this.frame(false);
		} finally {
			this.change({ activity: this.scheduler.active === undefined ? undefined : this.state.activity });
		}
	}

	async startActivity(name: ActivityName, activity: Activity): Promise<void> {
		this.interrupted = false;
		if (await this.scheduler.start(activity)) this.change({ activity: name });
	}

	/** An activity has ended by itself, or is to end. */
	async endActivity(activity: Activity): Promise<void> {
		const wasActive = this.scheduler.active === activity;
		await this.scheduler.stop(activity);
		if (wasActive) this.change({ activity: undefined });
	}

	/** One step, and a frame. */
	async stepOnce(): Promise<void> {
		await this.pause();
		const { current } = this;
		if (current === undefined) return;
		await this.guard(async () => {
			await current.hold(async () => {
				const begin = performance.now();
				current.takeStep();
				await this.gpu.finish();
				current.milliseconds += performance.now() - begin;
			});
			await this.frame(false);
		});
	}

	/** @param speed steps per second at most; 0: no limit */
	setSpeed(speed: number): void {
		this.nextStep = 0;
		this.change({ speed });
	}

	setHidden(hidden: boolean): void {
		this.scheduler.hold(hidden);
		this.restartClock();
		this.change({ hidden });
	}

	/** What the page shows from now on. */
	watch(watched: Watched): void {
		const more = (watched.codebook && !this.watched.codebook) || (watched.plane && !this.watched.plane);
		this.watched = watched;
		if (more && this.current !== undefined && this.scheduler.active !== this) this.frame(false).catch(() => {});
	}

	async advance(): Promise<void> {
		const run = this.run;
		await run.hold(async () => {
			const begin = performance.now();
			const { speed } = this.state;
			if (speed > 0 && begin < this.nextStep) {
				await this.scheduler.sleep(Math.min(this.nextStep - begin, 50));
				return;
			}
			const first = run.step;
			if (first >= this.until) {
				// Not awaited: `pause` waits for this piece of work.
				this.pause().catch((error) => this.report(error));
				return;
			}
			do {
				run.takeStep();
				await this.gpu.throttle(2);
			} while (speed === 0 && run.step < this.until && performance.now() - begin < pieceLength);
			const now = performance.now();
			if (speed > 0) this.nextStep = Math.max(this.nextStep, now - 1000 / speed) + 1000 / speed;
			const elapsed = now - (speed > 0 ? begin : (this.lastAdvance ?? begin));
			this.lastAdvance = now;
			run.milliseconds += elapsed;
			this.countSteps(run.step - first, run.settings.batch, now);
			const interval = this.isSlow ? frameInterval.cpu : frameInterval.gpu;
			if (now - this.lastFrame > interval || (speed > 0 && speed < 8)) await this.frame(false);
			const between = this.isSlow ? safetyInterval.cpu : safetyInterval.gpu;
			if (now - this.lastSafety > between) await this.keepSafe();
		});
	}

	/** After a pause: the time in which nothing trained does not count. */
	private restartClock(): void {
		this.lastAdvance = undefined;
		this.counted = undefined;
	}

	/** Images per second, averaged over about a second. */
	private countSteps(steps: number, batch: number, now: number): void {
		this.counted ??= { since: now, images: 0 };
		this.counted.images += steps * batch;
		const seconds = (now - this.counted.since) / 1000;
		if (seconds < 1) return;
		this.rate = this.counted.images / seconds;
		this.counted = { since: now, images: 0 };
	}

	/** Copies the state of the run to the host. */
	async keepSafe(): Promise<SavedState> {
		const { run } = this;
		const { id, milliseconds, step } = run;
		const bytes = await run.hold(() => run.saveState());
		this.lastSafety = performance.now();
		this.safety = { id, bytes, milliseconds, step };
		this.losses = 0;
		return this.safety;
	}

	/** A copy of the state that the run has while something else trains, or nothing. */
	async stopped(): Promise<void> {
		const { current, safety } = this;
		if (current !== undefined && (safety?.id !== current.id || safety.step !== current.step)) await this.keepSafe();
	}

	failed(error: unknown): void {
		this.change({ activity: undefined });
		if (error instanceof DeviceLostError) {
			this.interrupted = true; // `recover` handles it
			return;
		}
		this.report(error);
	}

	/** Evaluates the model on the shown test images, and sends what the page shows. */
	private frame(withOriginals: boolean): Promise<void> {
		const next = this.framing.then(() => this.makeFrame(withOriginals));
		this.framing = next.catch(() => {});
		return next;
	}

	private async makeFrame(withOriginals: boolean): Promise<void> {
		const { current: run, watched } = this;
		if (run === undefined) return;
		this.lastFrame = performance.now();
		await run.hold(async () => {
			this.pending.push(...(await run.readLosses()));
			const probe = this.isSlow ? probeImages.cpu : probeImages.gpu;
			const look = await run.look(watched, Math.max(probe, shownImages));
			if (this.current !== run) return;
			const { test, reconstructions, codebook, plane } = look;
			const frame: Frame = {
				runId: run.id,
				step: test.step,
				seconds: run.milliseconds / 1000,
				imagesPerSecond: this.rate,
				losses: this.pending.splice(0),
				test,
				originals: withOriginals ? run.originals() : undefined,
				reconstructions,
				codebook,
				plane,
			};
			this.emit({ kind: "frame", frame });
		});
	}

	/** The device is lost: frees what was on it, and opens another one. */
	private async recover(): Promise<void> {
		const wasTraining = this.interrupted || this.scheduler.active === this || this.state.activity === "train";
		this.interrupted = false;
		this.losses += 1;
		this.change({ phase: "recovering" });
		await this.scheduler.stop();
		for (const part of this.parts) part.deviceLost();
		const { current } = this;
		if (current !== undefined) {
			const { id, settings, images } = current;
			this.lost = { id, settings, images: images.images, wasTraining };
		}
		this.current = undefined;
		this.opened = undefined;
		if (this.losses > mostLosses) {
			this.change({ phase: "failed", activity: undefined });
			this.emit({
				kind: "failure",
				failure: {
					name: "DeviceLostError",
					message: `The GPU was lost ${this.losses} times in a row.`,
					advice: "Reload the page. If it happens again, choose smaller settings, or update the graphics driver.",
				},
			});
			return;
		}
		await this.reopen();
	}

	/** Opens a device again, and continues the lost run from the last copy of its weights. */
	async reopen(): Promise<void> {
		const { lost, safety } = this;
		try {
			await this.openAgain();
			if (lost === undefined) {
				this.change({ phase: "ready" });
				return;
			}
			const { settings, id, images, wasTraining } = lost;
			if (!(await this.begin(settings, id, safety?.id === id ? safety : undefined, images))) return;
			this.emit({ kind: "recovered", step: this.run.step });
			if (wasTraining) await this.play();
		} catch (error) {
			this.change({ phase: "failed", activity: undefined });
			this.report(error);
		}
	}

	/** Runs something that the page has asked for, and reports its error in words. */
	async guard<T>(body: () => Promise<T>): Promise<T | undefined> {
		try {
			return await body();
		} catch (error) {
			this.report(error);
			return undefined;
		}
	}

	report(error: unknown): void {
		if (error instanceof DeviceLostError || error instanceof DisposedError) return;
		this.emit({ kind: "failure", failure: describeError(error) });
	}

	change(changes: Partial<SessionState>): void {
		this.state = { ...this.state, ...changes };
		this.emit({ kind: "state", state: this.state });
	}
}
