/** What uvu's runner of one suite gives: the failures' texts (or true), then counts. */
type SuiteResult = readonly [errors: string | true, passed: number, skipped: number, total: number];
type Group = (string | null | (() => Promise<SuiteResult>))[];

declare global {
	var UVU_DEFER: number;
	var UVU_INDEX: number;
	var UVU_QUEUE: Group[];
}

/**
 * uvu's queue of suites, by file, with counts. Make it before uvu is imported: uvu then leaves it to us when to run.
 * uvu itself only prints its counts, and takes a suite whose `before` hook threw for a passed one.
 */
export class QueueCounter {
	passed = 0;
	failed = 0;
	skipped = 0;

	constructor() {
		globalThis.UVU_DEFER = 1;
		globalThis.UVU_QUEUE = [];
	}

	/** Begins a file: the suites of the test files imported next belong to it. */
	open(name: string | null): void {
		globalThis.UVU_INDEX = globalThis.UVU_QUEUE.push([name]) - 1;
	}

	/** Makes each queued suite count its tests when it is run; `started` and `finished` get its file and how long it took. */
	wrap(started?: (name: string | null) => void, finished?: (name: string | null, milliseconds: number) => void): void {
		for (const group of globalThis.UVU_QUEUE) {
			const name = typeof group[0] === "function" ? null : group[0];
			group.forEach((run, i) => {
				if (typeof run !== "function") return;
				group[i] = async () => {
					started?.(name);
					const start = performance.now();
					const result = await run();
					const [, passed, skipped, total] = result;
					this.passed += passed;
					this.failed += total - passed;
					this.skipped += skipped;
					finished?.(name, performance.now() - start);
					return result;
				};
			});
		}
	}

	/** What, besides failed tests, makes the run a failure. */
	complaints(): string[] {
		const complaints: string[] = [];
		if (this.skipped > 0) complaints.push(`${this.skipped} tests were skipped: none may be.`);
		if (this.passed + this.failed === 0) complaints.push("No test ran.");
		return complaints;
	}

	/** True when tests ran, and all passed. */
	succeeded(): boolean {
		return this.failed === 0 && this.complaints().length === 0;
	}
}
