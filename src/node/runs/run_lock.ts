import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { fileError } from "../files.js";

/** The content of a lock file: the process that holds the lock. */
interface Holder {
	readonly pid: number;
	readonly host: string;
	/** When the process started, because a later process may have the same pid; undefined if it is not known. */
	readonly started?: string | undefined;
}

/** The lock of a run's folder, held by this process. */
export interface RunLock {
	/** @throws DataError if the folder was removed, which writing a file would make again, or another process has the lock */
	checkHeld(): Promise<void>;
	/** Allows other trainings to write to the folder. */
	release(): void;
}

const name = ".tessera.lock";

/**
 * Takes the lock of a run's folder, so that no two trainings write to it. The lock of a process that has ended is replaced.
 *
 * @throws DataError naming the process that holds it
 */
export async function lockRun(folder: string): Promise<RunLock> {
	const path = join(folder, name);
	const id = randomBytes(6).toString("hex");
	const own = JSON.stringify({ pid: process.pid, host: hostname(), started: await startOf(process.pid), id });
	while (!(await create(path, own))) {
		const held = await readFile(path, "utf8").catch(() => undefined);
		if (held === undefined) continue; // released in the meantime
		const holder = parse(held);
		if (holder !== undefined && (await isAlive(holder)))
			throw new DataError(
				`"${folder}" is in use by another run, of process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`}: wait for it, or choose another folder. If there is no such process, delete "${path}".`,
			);
		await removeStale(path, held);
	}
	const release = () => {
		// The folder may have the lock of another run by now.
		if (existsSync(path) && readFileSync(path, "utf8") === own) rmSync(path, { force: true });
	};
	process.once("exit", release);
	return {
		async checkHeld() {
			const held = await readFile(path, "utf8").catch(() => undefined);
			if (held !== own)
				throw new DataError(
					`The folder of the run, "${folder}", was ${held === undefined ? "removed or moved" : "locked by another run"} during the training: the run ends, because it cannot write its weights.`,
				);
		},
		release() {
			process.off("exit", release);
			release();
		},
	};
}

/**
 * Makes a file together with its content, so that no other process sees it empty.
 *
 * @returns false if the file exists already
 */
async function create(path: string, content: string): Promise<boolean> {
	const temporary = `${path}.${randomBytes(6).toString("hex")}`;
	try {
		await writeFile(temporary, content, { flag: "wx" });
		// On a file system without links the file is made in two steps.
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

/** Undefined for a file that is not a lock, for example because its process ended while writing it. */
function parse(text: string): Holder | undefined {
	try {
		const { pid, host, started } = JSON.parse(text) as Partial<Holder>;
		return typeof pid === "number" && typeof host === "string" ? { pid, host, started } : undefined;
	} catch {
		return undefined;
	}
}

/** A process on another machine counts as alive, because that cannot be checked. */
async function isAlive({ pid, host, started }: Holder): Promise<boolean> {
	if (host !== hostname()) return true;
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
	}
	const now = await startOf(pid);
	if (now === ended) return false;
	return started === undefined || now === undefined || now === started;
}

/** In the place of its start, for a process that has ended but whose parent has not noticed yet. */
const ended = "ended";

/** When a process started, in ticks since the boot (field 22 of /proc/PID/stat), or `ended`; only on Linux. */
async function startOf(pid: number): Promise<string | undefined> {
	const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
	// The second field is the program's name in parentheses, which may contain spaces.
	const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
	return fields?.[0] === "Z" || fields?.[0] === "X" ? ended : fields?.[19];
}

/** Removes the lock if it still is the one that was read: another process may have replaced it in the meantime. */
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
