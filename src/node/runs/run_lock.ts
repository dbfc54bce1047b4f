import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { fileError } from "../files.js";

/** What a lock file says of the process that holds it. */
interface Holder {
	readonly pid: number;
	readonly host: string;
	/** When the process started, which tells it from a later one of the same pid; undefined where that cannot be known. */
	readonly started?: string | undefined;
}

/** The lock of a run's folder, as the process has it that writes there. */
export interface RunLock {
	/** @throws DataError if somebody has removed the folder, which writing a file would make again, or taken the lock. */
	checkHeld(): Promise<void>;
	/** Lets others write into the folder. */
	release(): void;
}

const name = ".tessera.lock";

/**
 * Takes the lock of a run's folder, so that no two trainings write into it. The lock of a process that is gone is taken
 * over.
 *
 * @throws DataError naming the process that holds it
 */
export async function lockRun(folder: string): Promise<RunLock> {
	const path = join(folder, name);
	const id = randomBytes(6).toString("hex");
	const own = JSON.stringify({ pid: process.pid, host: hostname(), started: await startOf(process.pid), id });
	while (!(await create(path, own))) {
		const held = await readFile(path, "utf8").catch(() => undefined);
		if (held === undefined) continue; // released meanwhile
		const holder = parse(held);
		if (holder !== undefined && (await isAlive(holder)))
			throw new DataError(
				`${folder} is in use by another run, of process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`}: wait for it or choose another folder. If there is no such process, delete ${path}.`,
			);
		await removeStale(path, held);
	}
	const release = () => {
		// Not the lock of another run, in a folder that was taken.
		if (existsSync(path) && readFileSync(path, "utf8") === own) rmSync(path, { force: true });
	};
	process.once("exit", release);
	return {
		async checkHeld() {
			const held = await readFile(path, "utf8").catch(() => undefined);
			if (held !== own)
				throw new DataError(
					`The folder of the run, "${folder}", was ${held === undefined ? "removed or moved" : "taken by another run"} while it was trained: the run ends, since there is no place for its weights.`,
				);
		},
		release() {
			process.off("exit", release);
			release();
		},
	};
}

/** Makes the file with its content, so that nobody sees it without; whether there was no such file. */
async function create(path: string, content: string): Promise<boolean> {
	const temporary = `${path}.${randomBytes(6).toString("hex")}`;
	try {
		await writeFile(temporary, content, { flag: "wx" });
		// A file system without links makes the file in two steps.
		await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
			if (error.code === "EEXIST") throw error;
			return writeFile(path, content, { flag: "wx" });
		});
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		throw fileError(path, error, "written");
	} finally {
		await rm(temporary, { force: true });
	}
}

/** Nothing for a file that is no lock, such as one whose process ended while it wrote it. */
function parse(text: string): Holder | undefined {
	try {
		const { pid, host, started } = JSON.parse(text) as Partial<Holder>;
		return typeof pid === "number" && typeof host === "string" ? { pid, host, started } : undefined;
	} catch {
		return undefined;
	}
}

/** A process on another machine cannot be looked for, so it counts as alive. */
async function isAlive({ pid, host, started }: Holder): Promise<boolean> {
	if (host !== hostname()) return true;
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
	}
	const now = await startOf(pid);
	return started === undefined || now === undefined || now === started;
}

/** When a process started, in ticks since the machine did (field 22 of /proc/PID/stat); only Linux says so. */
async function startOf(pid: number): Promise<string | undefined> {
	const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
	// The second field is the program's name in parentheses, which may hold spaces.
	return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Removes the lock if it still is the one that was read: another process may have taken it over meanwhile. */
async function removeStale(path: string, content: string): Promise<void> {
	const aside = `${path}.${randomBytes(6).toString("hex")}`;
	try {
		if ((await readFile(path, "utf8")) !== content) return;
		await rename(path, aside);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
		throw fileError(path, error, "written");
	}
	if ((await readFile(aside, "utf8")) !== content) await link(aside, path).catch(() => undefined);
	await rm(aside, { force: true });
}
