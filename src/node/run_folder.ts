import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type TrainingRow, trainingChart } from "./chart.js";
import { writeFileAtomic } from "./files.js";

/** The folder of a training run: metrics as they come, pictures, a chart, the weights. */
export class RunFolder {
	private readonly rows: TrainingRow[] = [];

	private constructor(readonly path: string) {}

	/**
	 * Makes the folder: `chosen`, which may exist, or the first of runs/NAME, runs/NAME-2, … that does not.
	 */
	static async create(name: string, chosen: string | undefined): Promise<RunFolder> {
		if (chosen !== undefined) {
			await mkdir(chosen, { recursive: true });
			await writeFileAtomic(join(chosen, "metrics.jsonl"), "");
			return new RunFolder(chosen);
		}
		await mkdir("runs", { recursive: true });
		for (let number = 1; ; number++) {
			const path = join("runs", number === 1 ? name : `${name}-${number}`);
			try {
				await mkdir(path);
				return new RunFolder(path);
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			}
		}
	}

	/** Appends steps to metrics.jsonl. */
	async logSteps(rows: readonly (TrainingRow & { readonly epoch: number })[]): Promise<void> {
		this.rows.push(...rows);
		await this.append(rows.map((row) => ({ type: "step", ...row })));
	}

	/** Appends an epoch to metrics.jsonl. */
	async logEpoch(row: Readonly<Record<string, number>>): Promise<void> {
		await this.append([{ type: "epoch", ...row }]);
	}

	/** Writes a file whole or not at all. */
	async write(name: string, content: Uint8Array | string): Promise<void> {
		await writeFileAtomic(join(this.path, name), content);
	}

	/** Draws chart.svg of all steps so far. */
	async writeChart(title: string): Promise<void> {
		if (this.rows.length > 0) await this.write("chart.svg", await trainingChart(this.rows, title));
	}

	private async append(rows: readonly object[]): Promise<void> {
		await appendFile(join(this.path, "metrics.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
	}
}
