import { type AdapterSpeed, measureSpeed } from "tessera-gpu";
import type { BenchmarkOptions, BenchmarkResult, BenchmarkRow } from "../shared/benchmark.js";
import { type Subject, subjects } from "./benchmark_rows.js";
import type { Activity } from "./scheduler.js";
import type { DevicePart, Session } from "./session.js";

type Tfjs = typeof import("./tfjs.js");

/** A benchmark that runs: one row after the other, so that it can be stopped in between. */
interface Running {
	readonly options: BenchmarkOptions;
	readonly subjects: readonly Subject[];
	readonly rows: BenchmarkRow[];
	/** Whether training goes on afterwards. */
	readonly wasTraining: boolean;
	before: AdapterSpeed | undefined;
	tfjs: Tfjs | undefined;
}

/** Measures the machine, while nothing trains. */
export class Benchmark implements Activity, DevicePart {
	private running: Running | undefined;

	constructor(private readonly session: Session) {
		session.register(this);
	}

	async start(options: BenchmarkOptions): Promise<void> {
		const { session } = this;
		this.running = {
			options,
			subjects: subjects(session.isSlow),
			rows: [],
			wasTraining: session.scheduler.active === session,
			before: undefined,
			tfjs: undefined,
		};
		this.tell("the ceiling");
		await session.startActivity("benchmark", this);
	}

	/** Ends it after the row that is being measured. */
	async cancel(): Promise<void> {
		await this.end(undefined);
	}

	/** One row. */
	async advance(): Promise<void> {
		const { running, session } = this;
		if (running === undefined) return;
		const { gpu } = session;
		const { options, rows } = running;
		if (options.compare && running.tfjs === undefined) {
			this.tell("TensorFlow.js is loaded");
			running.tfjs = await import("./tfjs.js");
		}
		if (running.before === undefined) {
			running.before = await measureSpeed(gpu);
			this.tell(running.subjects[0]?.name);
			return;
		}
		const subject = running.subjects[rows.length];
		if (subject !== undefined) {
			const row = await subject.measure(gpu, running.tfjs, options.budget);
			if (this.running !== running) return;
			rows.push(row);
			this.tell(running.subjects[rows.length]?.name ?? "the ceiling again");
			return;
		}
		const after = await measureSpeed(gpu);
		if (this.running !== running) return;
		// The scheduler waits for this call before it stops.
		this.end({ ...this.describe(running), ceiling: { before: running.before, after } }).catch((error) =>
			session.report(error),
		);
	}

	failed(error: unknown): void {
		this.running = undefined;
		this.session.change({ activity: undefined });
		this.tellEnd([], undefined);
		this.session.report(error);
	}

	/** Something else has begun, such as training: the rows so far stay. */
	stopped(): void {
		const { running } = this;
		if (running === undefined) return;
		this.running = undefined;
		this.tellEnd(running.rows, undefined);
	}

	deviceLost(): void {
		this.stopped();
	}

	private async end(result: BenchmarkResult | undefined): Promise<void> {
		const { running, session } = this;
		if (running === undefined) return;
		this.running = undefined;
		this.tellEnd(running.rows, result);
		await session.endActivity(this);
		session.gpu.trim();
		if (running.wasTraining && session.hasRun && session.scheduler.active === undefined) await session.play();
	}

	private describe({ options, rows, tfjs }: Running): Omit<BenchmarkResult, "ceiling"> {
		const { adapter, device, variants } = this.session.gpu;
		const { vendor, architecture, description, software, subgroupMinSize, subgroupMaxSize } = adapter;
		return {
			format: "tessera-benchmark",
			version: 1,
			date: new Date().toISOString(),
			library: TESSERA_VERSION,
			tfjs: tfjs?.version ?? null,
			adapter: {
				vendor,
				architecture,
				device: adapter.device,
				description,
				software,
				subgroupMinSize,
				subgroupMaxSize,
			},
			features: Array.from(device.features as Iterable<string>).sort(),
			variants,
			browser: navigator.userAgent,
			budget: options.budget,
			rows,
		};
	}

	private tell(now: string | undefined): void {
		const { running } = this;
		if (running === undefined) return;
		const { rows, subjects, before } = running;
		const done = rows.length + (before === undefined ? 0 : 1);
		this.session.emit({
			kind: "benchmark",
			state: { done, total: subjects.length + 2, now, rows: [...rows], result: undefined },
		});
	}

	private tellEnd(rows: readonly BenchmarkRow[], result: BenchmarkResult | undefined): void {
		this.session.emit({ kind: "benchmark", state: { done: 0, total: 0, now: undefined, rows, result } });
	}
}
