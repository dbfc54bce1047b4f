import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { fileError, kindOf, makeFolder, writeFileAtomic } from "../files.js";
import { appendMetrics, clearMetrics } from "./metrics_file.js";
import { lockRun, type RunLock } from "./run_lock.js";

/** A folder with one of these is the folder of a run. */
const runFiles = ["config.json", "model.safetensors", "metrics.jsonl", "prior.safetensors"];
/** The files that `tessera train` and `tessera train-prior` write. */
const written = [
	"config\\.json",
	"model\\.safetensors",
	"best\\.safetensors",
	"checkpoint-\\d+\\.safetensors",
	"metrics\\.(?:jsonl|csv)",
	"chart\\.svg",
	"reconstructions\\.png",
	"epoch-\\d+\\.png",
	"report\\.html",
	"report-data\\.json",
	"prior\\.safetensors",
	"prior-config\\.json",
	"prior-best\\.safetensors",
	"prior-checkpoint-\\d+\\.safetensors",
	"prior-metrics\\.(?:jsonl|csv)",
	"prior-chart\\.svg",
	"samples\\.png",
].join("|");
/** These files, and the temporary files of a killed process. */
const leftByRun = new RegExp(`^(?:${written}|\\.(?:${written})\\.[0-9a-f]{12}\\.tmp)$`);

/**
 * @param path the folder that was chosen for a new run
 * @throws DataError if it contains a run already, or is not a folder
 */
export async function checkFree(path: string): Promise<void> {
	const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return undefined;
		throw fileError(path, error, "read");
	});
	if (found === undefined) return;
	if (!found.isDirectory())
		throw new DataError(
			`--out must be a folder, but "${path}" is ${found.isFile() ? "a file" : kindOf(found)}: name another one.`,
		);
	const names = await readdir(path).catch((error) => {
		throw fileError(path, error, "listed");
	});
	const held = runFiles.filter((name) => names.includes(name));
	if (held.length > 0)
		throw new DataError(
			`--out "${path}" contains another run (${held.join(", ")}): choose another folder, or give --overwrite to remove that run.`,
		);
}

/** The folder of a run, locked while a training writes to it. */
export class RunFolder {
	private constructor(
		readonly path: string,
		private readonly lock: RunLock,
	) {}

	/**
	 * Makes the folder: `chosen`, which may exist, or the first of runs/NAME, runs/NAME-2, … that does not.
	 *
	 * @param overwrite removes the files of another run from the chosen folder
	 * @throws DataError if the folder contains a run, another training writes to it, or it cannot be written
	 */
	static async create(name: string, chosen: string | undefined, overwrite: boolean): Promise<RunFolder> {
		const path = chosen ?? (await newFolder(name));
		await makeFolder(path);
		const folder = await RunFolder.open(path);
		try {
			if (overwrite) await removeRun(path);
			else await checkFree(path);
			return folder;
		} catch (error) {
			folder.release();
			throw error;
		}
	}

	/**
	 * The folder of an earlier run.
	 *
	 * @throws DataError if another training writes to it
	 */
	static async open(path: string): Promise<RunFolder> {
		return new RunFolder(path, await lockRun(path));
	}

	/** Writes a file completely or not at all. */
	async write(name: string, content: Uint8Array | string): Promise<void> {
		await this.lock.checkHeld();
		await writeFileAtomic(join(this.path, name), content);
	}

	/** Makes a file of metrics, or empties it. */
	async clear(name: string): Promise<void> {
		await this.lock.checkHeld();
		await clearMetrics(join(this.path, name));
	}

	/** Appends rows to a file of metrics. */
	async append(name: string, rows: readonly object[]): Promise<void> {
		await this.lock.checkHeld();
		await appendMetrics(join(this.path, name), rows);
	}

	/** The names of the files in the folder. */
	async names(): Promise<string[]> {
		await this.lock.checkHeld();
		return readdir(this.path);
	}

	/** Removes a file, if it is there. */
	async remove(name: string): Promise<void> {
		await this.lock.checkHeld();
		await rm(join(this.path, name), { force: true });
	}

	/** Allows other trainings to write to the folder. */
	release(): void {
		this.lock.release();
	}
}

async function newFolder(name: string): Promise<string> {
	for (let number = 1; ; number++) {
		const path = join("runs", number === 1 ? name : `${name}-${number}`);
		try {
			await makeFolder("runs");
			await mkdir(path);
			return path;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(path, error, "written");
		}
	}
}

/** Removes the files of a run, config.json last: until then the folder counts as that of a run. */
async function removeRun(path: string): Promise<void> {
	const names = (await readdir(path)).filter((name) => leftByRun.test(name) && name !== "config.json");
	for (const name of [...names, "config.json"]) {
		try {
			await rm(join(path, name), { force: true });
		} catch (error) {
			throw fileError(join(path, name), error, "written");
		}
	}
}
