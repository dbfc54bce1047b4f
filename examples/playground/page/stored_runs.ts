// The runs that the browser keeps: IndexedDB.
import { signal } from "@preact/signals";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Evaluation } from "../shared/frames.js";
import { defaultSettings, type Settings } from "../shared/settings.js";
import type { DataMark } from "../worker/take_along.js";
import type { Curves } from "./store.js";

/** Of the records below. Runs that another version of the page has stored are listed, but cannot go on. */
export const recordVersion = 1;

/** A run, without its weights. */
export interface StoredRun {
	readonly id: string;
	readonly version: number;
	readonly name: string;
	readonly settings: Settings;
	readonly step: number;
	readonly milliseconds: number;
	/** On all test images, at or before `step`. */
	readonly evaluation: Evaluation | undefined;
	/** What it was trained on, if these are the user's own images. */
	readonly data: DataMark | undefined;
	/** Milliseconds since 1970. */
	readonly created: number;
	readonly updated: number;
}

/** Everything that the next step of a run depends on. */
interface StoredState {
	readonly id: string;
	readonly bytes: Uint8Array;
}

interface StoredCurves extends Curves {
	readonly id: string;
}

interface Schema extends DBSchema {
	runs: { key: string; value: StoredRun };
	states: { key: string; value: StoredState };
	curves: { key: string; value: StoredCurves };
}

/** The newest first. */
export const storedRuns = signal<readonly StoredRun[]>([]);
/** Why nothing can be stored, in words. */
export const storageProblem = signal<string | undefined>(undefined);
/** Bytes that this site takes in the browser's storage. */
export const storageUse = signal<number | undefined>(undefined);

const stores = ["runs", "states", "curves"] as const;
const otherTabs = new BroadcastChannel("tessera runs");
otherTabs.onmessage = () => refresh();

let opened: Promise<IDBPDatabase<Schema>> | undefined;

function database(): Promise<IDBPDatabase<Schema>> {
	opened ??= openDB<Schema>("tessera", 1, {
		upgrade(database) {
			for (const store of stores) database.createObjectStore(store, { keyPath: "id" });
		},
		blocking(_current, _blocked, event) {
			(event.target as IDBDatabase).close();
			opened = undefined;
		},
		terminated() {
			opened = undefined;
		},
	});
	opened.catch(() => {
		opened = undefined;
	});
	return opened;
}

/** Whether the last change could not be stored: that something can be read afterwards does not hide it. */
let lastChangeFailed = false;

/**
 * Changes the database; if that fails, `storageProblem` says why until a later change succeeds.
 *
 * @returns whether the change is stored
 */
async function attemptChange(body: (database: IDBPDatabase<Schema>) => Promise<true>): Promise<boolean> {
	lastChangeFailed = false;
	const isStored = (await attempt(body)) === true;
	lastChangeFailed = !isStored;
	await changed();
	return isStored;
}

/** Does something with the database; if that fails, `storageProblem` says why. */
async function attempt<T>(body: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T | undefined> {
	let open: IDBPDatabase<Schema>;
	try {
		open = await database();
	} catch {
		storageProblem.value =
			"This browser lets the page store nothing (a private window, or storage is switched off): runs end with the tab.";
		return undefined;
	}
	try {
		const result = await body(open);
		if (!lastChangeFailed) storageProblem.value = undefined;
		return result;
	} catch (error) {
		const { name, message } = error instanceof Error ? error : new Error(String(error));
		storageProblem.value =
			name === "QuotaExceededError"
				? "The browser's storage for this page is full: delete runs that you do not need, then save again."
				: `The run could not be stored: ${message}`;
		return undefined;
	}
}

/** What is needed of a transaction of idb. */
interface Transaction {
	readonly done: Promise<void>;
	abort(): void;
}

/** Makes changes in a transaction, all or none. @returns true, once they are stored */
async function commit(transaction: Transaction, change: () => Promise<unknown>): Promise<true> {
	const done = transaction.done.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	try {
		await change();
	} catch (error) {
		try {
			transaction.abort();
		} catch {
			throw await done; // the browser has aborted it, and only the transaction knows why
		}
		throw error;
	}
	const reason = await done;
	if (reason !== undefined) throw reason;
	return true;
}

/** A run that was stored before a setting existed has its default. */
function withAllSettings(run: StoredRun): StoredRun {
	return { ...run, settings: { ...defaultSettings, ...run.settings } };
}

/** Reads the list again. */
export async function refresh(): Promise<void> {
	const runs = await attempt((open) => open.getAll("runs"));
	if (runs !== undefined) storedRuns.value = runs.map(withAllSettings).sort((a, b) => b.updated - a.updated);
	const { usage } = (await navigator.storage?.estimate().catch(() => undefined)) ?? {};
	storageUse.value = usage;
}

async function changed(): Promise<void> {
	otherTabs.postMessage("changed");
	await refresh();
}

export function loadRun(id: string): Promise<StoredRun | undefined> {
	return attempt(async (open) => {
		const run = await open.get("runs", id);
		return run === undefined ? undefined : withAllSettings(run);
	});
}

/** What `TrainingRun.saveState` gave. */
export async function loadState(id: string): Promise<Uint8Array | undefined> {
	return (await attempt((open) => open.get("states", id)))?.bytes;
}

export function loadCurves(id: string): Promise<Curves | undefined> {
	return attempt((open) => open.get("curves", id));
}

/** Stores a run with its state and curves, all or nothing. @returns whether they are stored */
export function storeRun(run: StoredRun, bytes: Uint8Array, curves: Curves): Promise<boolean> {
	const { id } = run;
	return attemptChange((open) => {
		const transaction = open.transaction(stores, "readwrite", { durability: "relaxed" });
		return commit(transaction, async () => {
			await transaction.objectStore("runs").put(run);
			await transaction.objectStore("states").put({ id, bytes });
			await transaction.objectStore("curves").put({ ...curves, id });
		});
	});
}

/** Changes a stored run, for example its name. */
export async function changeRun(id: string, changes: Partial<StoredRun>): Promise<void> {
	await attemptChange((open) => {
		const transaction = open.transaction("runs", "readwrite");
		return commit(transaction, async () => {
			const run = await transaction.store.get(id);
			if (run !== undefined) await transaction.store.put({ ...run, ...changes });
		});
	});
}

export async function deleteRuns(ids: readonly string[]): Promise<void> {
	await attemptChange((open) => {
		const transaction = open.transaction(stores, "readwrite");
		return commit(transaction, async () => {
			for (const id of ids) for (const store of stores) await transaction.objectStore(store).delete(id);
		});
	});
}
