import { DeviceLostError, TesseraError } from "../base/errors.js";
import type { HostWait } from "./host_wait.js";
import type { Storage } from "./storage.js";
import type { WebGPUDevice } from "./webgpu.js";
import type { WorkInFlight } from "./work_in_flight.js";

/** The errors of commands that are encoded again and again, while the GPU may still report some. @internal */
export interface PendingErrors {
	/** How many reports are outstanding. */
	outstanding: number;
	/** The batches that the commands are in. */
	readonly batches: number[];
	error: TesseraError | undefined;
}

/**
 * The errors that the GPU reports late: a kernel that does not compile, memory that it could not allocate, a lost device.
 *
 * A lost device is thrown by every later call, another error by the next one. The batch of commands in which something failed is
 * marked as failed: what it wrote is invalid, reading that throws, and a batch that uses it fails too.
 * @internal
 */
export class LateErrors {
	private readonly reports = new Set<Promise<void>>();
	private readonly failedBatches = new Map<number, TesseraError>();
	private reported: TesseraError | undefined;
	/** An error outside of all error scopes: most often a consequence of an error that is still to be reported. */
	private uncaptured: TesseraError | undefined;
	private lostError: DeviceLostError | undefined;
	/** What `collect` collects in. */
	private pending: PendingErrors | undefined;

	constructor(
		device: WebGPUDevice,
		private readonly work: WorkInFlight,
		private readonly wait: HostWait,
	) {
		device.addEventListener("uncapturederror", (event) => {
			event.preventDefault(); // it is thrown, so it need not be printed on the console too
			const { message } = (event as GPUUncapturedErrorEvent).error;
			this.uncaptured ??= new TesseraError(`The GPU reported an error: ${message}`);
		});
		device.lost.then(({ reason, message }) =>
			this.lose(
				`The GPU device was lost (${reason}: ${message || "no reason given"}). Everything on it is gone; open a new device.`,
			),
		);
	}

	/** Why the device is lost, if it is. */
	get lost(): DeviceLostError | undefined {
		return this.lostError;
	}

	/** The device is lost. */
	lose(message: string): void {
		this.lostError ??= new DeviceLostError(message);
	}

	/** Throws what was reported since the last call: a lost device every time, another error once. */
	check(): void {
		if (this.lostError !== undefined) throw this.lostError;
		if (this.reports.size > 0 && this.reported === undefined) return;
		const error = this.reported ?? this.uncaptured;
		this.reported = undefined;
		this.uncaptured = undefined;
		if (error !== undefined) throw error;
	}

	/** Waits for the outstanding reports, then throws what they say. */
	async settle(): Promise<void> {
		while (this.reports.size > 0) await this.wait(Promise.all(this.reports));
		this.check();
	}

	/** Takes the promise of an error of the batch that is encoded now. */
	watch(failure: Promise<TesseraError | undefined>): void {
		const { pending } = this;
		const { batch } = this.work;
		if (pending !== undefined) pending.outstanding++;
		const report = failure.then(
			(error) => {
				if (error === undefined) return;
				this.reported ??= error;
				this.failedBatches.set(batch, error);
				if (pending === undefined) return;
				pending.error = error;
				for (const later of pending.batches) this.failedBatches.set(later, error);
			},
			() => undefined, // an error scope that cannot be popped is that of a lost device, which `lost` reports
		);
		this.reports.add(report);
		report.finally(() => {
			this.reports.delete(report);
			if (pending !== undefined) pending.outstanding--;
		});
	}

	/** Calls `body`, and notes the errors that are watched in it for commands that will be encoded later. */
	collect(body: () => void): PendingErrors {
		const pending: PendingErrors = { outstanding: 0, batches: [], error: undefined };
		this.pending = pending;
		try {
			body();
		} finally {
			this.pending = undefined;
		}
		return pending;
	}

	get anyBatchFailed(): boolean {
		return this.failedBatches.size > 0;
	}

	/** Why a batch failed, if it did. */
	failureOf(batch: number): TesseraError | undefined {
		return this.failedBatches.get(batch);
	}

	/** The batch that is encoded now uses a storage: it fails if the batch that wrote the storage has failed. */
	inherit({ writtenBatch }: Storage): void {
		const failure = this.failedBatches.get(writtenBatch);
		if (failure !== undefined) this.failedBatches.set(this.work.batch, failure);
	}
}
