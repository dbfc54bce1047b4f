import { join } from "node:path";
import { DivergenceError, OutOfMemoryError } from "../../base/errors.js";
import { saveSafetensors } from "../../io/checkpoint.js";
import { loadSafetensors } from "../../io/safetensors.js";
import { plural } from "../plural.js";
import type { RunState } from "../report/report_types.js";
import { reportFile } from "../report/write_report.js";
import { type Checkpoint, type Position, removeCheckpoints, writeCheckpoint } from "./checkpoints.js";
import { checkWeightsAreFinite } from "./finite_weights.js";
import { type Stoppable, trainUntilInterrupted } from "./interrupt.js";
import type { Interval } from "./interval.js";
import { metricsText, readMetrics } from "./metrics_file.js";
import { metricsTable } from "./metrics_table.js";
import { print, printResult, warn } from "./output.js";
import type { Phases } from "./phases.js";
import { withProgress } from "./progress.js";
import type { RunFolder } from "./run_folder.js";
import type { StepRow, TestNumbers, TestRow, Training } from "./training.js";

/** Losses are read after so many steps or milliseconds, so that a fast GPU seldom waits for it. */
const stepsPerRead = 16;
const millisecondsPerRead = 200;
/** Between two drawings of epochs whose pictures are not kept, so that short epochs are not slowed down. */
const millisecondsPerDrawing = 10_000;
/** Pictures of so many epochs are kept, evenly spaced. */
const picturesOfEpochs = 20;

/** The settings of the loop. */
interface LoopOptions {
	readonly epochs: number;
	readonly batch: number;
	/** Between two checkpoints. */
	readonly checkpointEvery: Interval;
	/** Where the training continues; undefined if it starts. */
	readonly checkpoint?: Checkpoint | undefined;
}

/** Trains until the last epoch or an interruption, and prints the result and the paths of the files. */
export async function runTraining<Losses, Row extends StepRow, Numbers extends TestNumbers>(
	training: Training<Losses, Row, Numbers>,
	folder: RunFolder,
	options: LoopOptions,
	phases: Phases,
): Promise<void> {
	const loop = new TrainingLoop(training, folder, options, phases);
	await trainUntilInterrupted(loop);
	loop.report();
}

class TrainingLoop<Losses, Row extends StepRow, Numbers extends TestNumbers> implements Stoppable {
	/** Set by Ctrl-C: the run ends after the current step. */
	stopped = false;
	private rows: Row[] = [];
	private tests: TestRow<Numbers>[] = [];
	/** Losses of the steps since the last read, still on the GPU. */
	private pending: Losses[] = [];
	/** Rows for the metrics file while it may still be that of an earlier training. */
	private unwritten: object[] | undefined = [];
	private step = 0;
	private epoch = 1;
	/** Batches of the epoch that are done. */
	private batch = 0;
	private best: number | undefined;
	private lastWeights: Uint8Array | undefined;
	/** In the last epoch. */
	private imagesPerSecond: number | undefined;
	/** Of the training before this process, in seconds. */
	private secondsBefore = 0;
	/** The step whose weights are in the folder. */
	private savedStep: number | undefined;
	private savedCheckpoint = { step: 0, time: performance.now() };
	private lastRead = performance.now();
	private lastDrawing = Number.NEGATIVE_INFINITY;
	private readonly start = performance.now();

	constructor(
		private readonly training: Training<Losses, Row, Numbers>,
		private readonly folder: RunFolder,
		private readonly options: LoopOptions,
		private readonly phases: Phases,
	) {}

	private get stepsInEpoch(): number {
		return Math.ceil(this.training.trainingImages / this.options.batch);
	}

	async train(): Promise<void> {
		const { training, phases, options } = this;
		const { checkpoint, epochs } = options;
		if (checkpoint === undefined && !training.replacesFiles) await this.beginMetrics();
		await training.prepare(phases, checkpoint !== undefined);
		if (checkpoint !== undefined) await this.continueFrom(checkpoint);
		try {
			while (this.epoch <= epochs && !this.stopped) {
				await phases.time("training", () => this.trainEpoch());
				await phases.time("writing weights", () => this.saveWeights());
				await phases.time("testing", () => this.evaluate());
				await phases.time("drawing pictures", () => this.draw());
				if (this.batch === this.stepsInEpoch) {
					this.epoch++;
					this.batch = 0;
				}
				const isLast = this.stopped || this.epoch > epochs;
				if (isLast || this.checkpointIsDue()) await phases.time("writing checkpoints", () => this.saveCheckpoint());
			}
		} catch (error) {
			if (error instanceof OutOfMemoryError) throw this.explainMemory(error);
			if (!(error instanceof DivergenceError)) throw error;
			if (this.unwritten === undefined) {
				await this.drawChart();
				await this.writeReport("diverged");
			}
			throw this.explain(error);
		}
	}

	/** Prints the result and the paths of the files. */
	report(): void {
		const { training, folder, stopped, step, phases } = this;
		const { files, labels, replacesFiles } = training;
		if (stopped)
			print(
				`Stopped after ${plural(step, "step")}${step > 0 ? "" : `: there are no ${replacesFiles ? "new weights" : "weights yet"}`}.`,
			);
		const last = this.tests.at(-1);
		printResult({ run: folder.path, steps: step, stopped, ...last, best: this.best, seconds: this.seconds() });
		if (step === 0) return;
		if (last !== undefined) print(`${training.describeResult(last)}, after ${plural(last.step, "step")}.`);
		print(`Took ${phases}.`);
		const listed = [
			[labels.weights, files.weights],
			[labels.pictures, files.pictures],
			["Chart", files.chart],
			["Report", reportFile],
			["Metrics", files.metrics],
		] as const;
		const width = Math.max(...listed.map(([label]) => label.length)) + 1;
		for (const [label, file] of listed) print(`${`${label}:`.padEnd(width)} ${folder.path}/${file}`);
	}

	/** Loads the state, and the rows of the steps before it. */
	private async continueFrom({ position, state, path }: Checkpoint): Promise<void> {
		const { training, folder } = this;
		training.loadState(state);
		for (let epoch = 1; epoch < position.epoch; epoch++) training.skipEpoch();
		const metrics = join(folder.path, training.files.metrics);
		const rows = (await readMetrics(metrics)).filter(({ step }) => Number(step) <= position.step);
		await folder.write(training.files.metrics, metricsText(rows));
		this.unwritten = undefined;
		this.rows = rows.filter(({ type }) => type === "step") as unknown as Row[];
		this.tests = rows.filter(({ type }) => type === "epoch") as unknown as TestRow<Numbers>[];
		this.step = position.step;
		this.epoch = position.epoch;
		this.batch = position.batch;
		this.best = position.best;
		this.secondsBefore = position.seconds;
		this.savedStep = this.tests.at(-1)?.step;
		this.savedCheckpoint = { step: position.step, time: performance.now() };
		print(`Continuing after step ${position.step}, in epoch ${position.epoch}, from ${path}.`);
	}

	/** How long the training has taken, in all processes. */
	private seconds(): number {
		return this.secondsBefore + (performance.now() - this.start) / 1000;
	}

	private position(): Position {
		const { step, epoch, batch, best } = this;
		return { step, epoch, batch, best, seconds: this.seconds() };
	}

	private async trainEpoch(): Promise<void> {
		const { training, epoch } = this;
		const { epochs } = this.options;
		const steps = this.stepsInEpoch;
		await withProgress(`epoch ${epoch}/${epochs}`, steps, async (progress) => {
			const start = performance.now();
			let seen = 0;
			for await (const batch of training.epoch(epoch, this.batch)) {
				this.pending.push(batch.step(this.step));
				this.step++;
				this.batch++;
				seen += batch.count;
				if (this.readIsDue() || this.batch === steps) {
					const text = await this.readLosses();
					const speed = (seen * 1000) / (performance.now() - start);
					this.imagesPerSecond = speed;
					const left = (epochs * steps - this.step) * (this.options.batch / speed);
					progress.update(this.batch, `${plural(Math.round(speed), "image")}/s ${text}`, left);
				}
				// At the end of an epoch a checkpoint is written after the test.
				if (this.batch < steps && !this.stopped && this.checkpointIsDue()) {
					await this.saveCheckpoint();
					await this.writeReport("running");
				}
				if (this.stopped) break;
				await training.gpu.throttle();
			}
		});
	}

	private readIsDue(): boolean {
		return (
			this.stopped || this.pending.length >= stepsPerRead || performance.now() - this.lastRead > millisecondsPerRead
		);
	}

	private checkpointIsDue(): boolean {
		const { steps, seconds = Number.POSITIVE_INFINITY } = this.options.checkpointEvery;
		const { step, time } = this.savedCheckpoint;
		return steps === undefined ? performance.now() - time >= 1000 * seconds : this.step - step >= steps;
	}

	private async saveCheckpoint(): Promise<void> {
		const { training, folder } = this;
		await this.readLosses();
		await this.beginMetrics();
		const state = training.state();
		try {
			await writeCheckpoint(folder, training.files.checkpoint, state, this.position());
		} finally {
			for (const tensor of Object.values(state)) tensor.dispose();
		}
		this.savedCheckpoint = { step: this.step, time: performance.now() };
	}

	/** Reads the losses since the last read, logs them, and describes the last one. */
	private async readLosses(): Promise<string> {
		const { training, pending } = this;
		if (pending.length === 0) return "";
		this.pending = [];
		const log = async (rows: readonly Row[]) => {
			this.rows.push(...rows);
			await this.log(rows.map((row) => ({ type: "step", epoch: this.epoch, ...row })));
		};
		const rows = await training.readLosses(pending).catch(async (error) => {
			if (error instanceof DivergenceError) await log(error.before as readonly Row[]);
			throw error;
		});
		await log(rows);
		this.lastRead = performance.now();
		const last = rows.at(-1);
		return last === undefined ? "" : training.describeStep(last);
	}

	/** @throws DivergenceError instead of writing weights that are not finite over others */
	private async saveWeights(): Promise<void> {
		const { training, folder, step } = this;
		const bytes = await saveSafetensors(training.weights(), training.metadata());
		checkWeightsAreFinite(step, loadSafetensors(bytes));
		await folder.write(training.files.weights, bytes);
		this.savedStep = step;
		this.lastWeights = bytes;
		await this.beginMetrics();
	}

	private async evaluate(): Promise<void> {
		const { training, folder, epoch, step } = this;
		if (this.stopped) warn("Testing the current weights; stop again to skip the test.");
		const numbers = await training.evaluate();
		this.tests.push({ ...numbers, step });
		await this.log([
			{ type: "epoch", epoch, step, ...numbers, imagesPerSecond: this.imagesPerSecond, seconds: this.seconds() },
		]);
		print(`epoch ${epoch}: ${training.heldOutName} ${training.describeEpoch(numbers)}`);
		const error = training.errorOf(numbers);
		if (this.best !== undefined && error >= this.best) return;
		this.best = error;
		if (this.lastWeights !== undefined) await folder.write(training.files.best, this.lastWeights);
	}

	private async draw(): Promise<void> {
		const { training, epoch, stopped } = this;
		const isLast = stopped || epoch === this.options.epochs;
		const every = Math.ceil(this.options.epochs / picturesOfEpochs);
		const isRecent = performance.now() - this.lastDrawing < millisecondsPerDrawing;
		if (!isLast && epoch % every !== 0 && isRecent) return;
		this.lastDrawing = performance.now();
		await warnOnFailure("The pictures", () => training.drawPictures(epoch, isLast, epoch % every === 0 || isLast));
		await this.drawChart();
		await this.writeReport(stopped ? "stopped" : isLast ? "finished" : "running");
	}

	private async writeReport(state: RunState): Promise<void> {
		await warnOnFailure("The report", () => this.training.writeReport(this.step, state));
	}

	private async drawChart(): Promise<void> {
		const { training, folder, rows, tests } = this;
		if (rows.length === 0) return;
		await warnOnFailure("The chart", async () => folder.write(training.files.chart, await training.chart(rows, tests)));
		await warnOnFailure("The table of metrics", () => folder.write(training.files.table, metricsTable(rows, tests)));
	}

	/** Replaces metrics and checkpoints of an earlier training by the rows so far. */
	private async beginMetrics(): Promise<void> {
		const { training, folder, unwritten } = this;
		if (unwritten === undefined) return;
		this.unwritten = undefined;
		await removeCheckpoints(folder, training.files.checkpoint);
		await folder.clear(training.files.metrics);
		await this.log(unwritten);
	}

	private async log(rows: readonly object[]): Promise<void> {
		if (this.unwritten !== undefined) this.unwritten.push(...rows);
		else await this.folder.append(this.training.files.metrics, rows);
	}

	/** The error of a training that has diverged, in terms of the command line. */
	private explain({ step, value, message }: DivergenceError): DivergenceError {
		const { rates, files } = this.training;
		const what =
			step === undefined ? message : `The training diverged at step ${step}: the loss or a weight became ${value}.`;
		const lower = rates.lr > 10 * rates.standard ? `${rates.standard}, the default,` : String(rates.lr / 10);
		const kept =
			this.savedStep === undefined
				? "No epoch had ended, so no weights were written."
				: `"${this.folder.path}/${files.weights}" contains the weights after step ${this.savedStep}, the last that were saved, which are finite.`;
		return new DivergenceError(
			`${what} Probably --lr ${rates.lr} is too high: try ${lower} or less. ${kept}`,
			step,
			value,
		);
	}

	/** The error of a device without memory, in terms of the command line. */
	private explainMemory({ message }: OutOfMemoryError): OutOfMemoryError {
		const { batch } = this.options;
		const advice =
			batch > 1
				? `try --batch ${Math.floor(batch / 2)}, which needs about half of the memory`
				: "choose a smaller model or smaller images";
		return new OutOfMemoryError(
			`With --batch ${batch} the training does not fit the device's memory: ${advice}. ${message}`,
		);
	}
}

/** Does something optional, such as drawing a picture. A failure is reported on stderr, and the run continues. */
async function warnOnFailure(what: string, body: () => Promise<void>): Promise<void> {
	try {
		await body();
	} catch (error) {
		warn(`Warning: ${what} could not be made: ${(error as Error).message}`);
	}
}
