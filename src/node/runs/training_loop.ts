import { DivergenceError } from "../../base/errors.js";
import { batches } from "../../data/image_set.js";
import { saveSafetensors } from "../../io/checkpoint.js";
import { loadSafetensors } from "../../io/safetensors.js";
import { plural } from "../plural.js";
import { checkWeightsAreFinite } from "./finite_weights.js";
import { type Stoppable, trainUntilInterrupted } from "./interrupt.js";
import { print } from "./output.js";
import type { Phases } from "./phases.js";
import { withProgress } from "./progress.js";
import type { RunFolder } from "./run_folder.js";
import type { StepRow, TestNumbers, TestRow, Training } from "./training.js";

/** Losses are read after so many steps or milliseconds, so that a fast GPU seldom waits for it. */
const stepsPerRead = 16;
const millisecondsPerRead = 200;

/** The settings of the loop. */
interface LoopOptions {
	readonly epochs: number;
	readonly batch: number;
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
	private readonly rows: Row[] = [];
	private readonly tests: TestRow<Numbers>[] = [];
	/** Losses of the steps since the last read, still on the GPU. */
	private pending: Losses[] = [];
	/** Rows for the metrics file while it may still be that of an earlier training. */
	private unwritten: object[] | undefined = [];
	private step = 0;
	private epoch = 0;
	/** The step whose weights are in the folder. */
	private savedStep: number | undefined;
	private lastRead = performance.now();
	private readonly start = performance.now();

	constructor(
		private readonly training: Training<Losses, Row, Numbers>,
		private readonly folder: RunFolder,
		private readonly options: LoopOptions,
		private readonly phases: Phases,
	) {}

	async train(): Promise<void> {
		const { training, phases } = this;
		if (!training.replacesFiles) await this.beginMetrics();
		await training.prepare(phases);
		try {
			for (this.epoch = 1; this.epoch <= this.options.epochs && !this.stopped; this.epoch++) {
				await phases.time("training", () => this.trainEpoch());
				await phases.time("writing weights", () => this.saveWeights());
				await phases.time("testing", () => this.evaluate());
				await phases.time("drawing pictures", () => this.draw());
			}
		} catch (error) {
			if (!(error instanceof DivergenceError)) throw error;
			if (this.unwritten === undefined) await this.drawChart();
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
		if (step === 0) return;
		const last = this.tests.at(-1);
		if (last !== undefined) print(`${training.describeResult(last)}, after ${plural(last.step, "step")}.`);
		print(`Took ${phases}.`);
		const listed = [
			[labels.weights, files.weights],
			[labels.pictures, files.pictures],
			["Chart", files.chart],
			["Metrics", files.metrics],
		] as const;
		const width = Math.max(...listed.map(([label]) => label.length)) + 1;
		for (const [label, file] of listed) print(`${`${label}:`.padEnd(width)} ${folder.path}/${file}`);
	}

	private async trainEpoch(): Promise<void> {
		const { training, epoch } = this;
		const { epochs, batch } = this.options;
		const steps = Math.ceil(training.trainingImages / batch);
		await withProgress(`epoch ${epoch}/${epochs}`, steps, async (progress) => {
			const start = performance.now();
			let done = 0;
			let seen = 0;
			for (const indices of batches(training.trainingImages, batch, training.random)) {
				this.pending.push(training.step(indices, this.step));
				this.step++;
				done++;
				seen += indices.length;
				if (this.readIsDue() || done === steps) {
					const text = await this.readLosses();
					const speed = Math.round((seen * 1000) / (performance.now() - start));
					progress.update(done, `${plural(speed, "image")}/s ${text}`);
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

	/** Reads the losses since the last read, logs them, and describes the last one. */
	private async readLosses(): Promise<string> {
		const { training, pending } = this;
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
		const bytes = await saveSafetensors(training.module.stateDict(), training.metadata());
		checkWeightsAreFinite(step, loadSafetensors(bytes));
		await folder.write(training.files.weights, bytes);
		this.savedStep = step;
		await this.beginMetrics();
	}

	private async evaluate(): Promise<void> {
		const { training, epoch, step } = this;
		if (this.stopped) process.stderr.write("Testing the current weights; stop again to skip the test.\n");
		const numbers = await training.evaluate();
		this.tests.push({ ...numbers, step });
		const seconds = (performance.now() - this.start) / 1000;
		await this.log([{ type: "epoch", epoch, step, ...numbers, seconds }]);
		print(`epoch ${epoch}: test ${training.describeEpoch(numbers)}`);
	}

	private async draw(): Promise<void> {
		const { training, epoch, stopped } = this;
		const isLast = stopped || epoch === this.options.epochs;
		await warnOnFailure("The pictures", () => training.drawPictures(epoch, isLast));
		await this.drawChart();
	}

	private async drawChart(): Promise<void> {
		const { training, folder, rows, tests } = this;
		if (rows.length === 0) return;
		await warnOnFailure("The chart", async () => folder.write(training.files.chart, await training.chart(rows, tests)));
	}

	/** Empties the metrics file, and writes the rows so far. */
	private async beginMetrics(): Promise<void> {
		const { training, folder, unwritten } = this;
		if (unwritten === undefined) return;
		this.unwritten = undefined;
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
}

/** Does something optional, such as drawing a picture. A failure is reported on stderr, and the run continues. */
async function warnOnFailure(what: string, body: () => Promise<void>): Promise<void> {
	try {
		await body();
	} catch (error) {
		process.stderr.write(`Warning: ${what} could not be made: ${(error as Error).message}\n`);
	}
}
