// Actions of the user.
import { signal } from "@preact/signals";
import { describeError } from "../shared/describe_error.js";
import { defaultSettings, fromQuery, type Settings, toQuery } from "../shared/settings.js";
import { keepValue, keptValue } from "./browser_storage.js";
import { engine, listenToEngine, workerFailure } from "./engine.js";
import { missing, whatIsMissing } from "./parts/missing.js";
import { holdRun } from "./run_lock.js";
import { keepSaving, nameRun, saveBeforeAnother } from "./saving.js";
import {
	type Curves,
	earlierCurves,
	failure,
	isTraining,
	machine,
	notice,
	receive,
	run,
	seconds,
	session,
} from "./store.js";
import { loadCurves, loadRun, loadState, recordVersion, refresh, type StoredRun, storedRuns } from "./stored_runs.js";

/** A new name for a run. */
export function newId(): string {
	return crypto.randomUUID();
}

/** Shows an error of a call to the worker. */
export function showError(error: unknown): void {
	failure.value = describeError(error);
}

/** Errors that the page shows by other means: the device was lost, or another run has begun. */
const expected: readonly string[] = ["DeviceLostError", "DisposedError", "RunEndedError"];

/** Shows an error of a request that a lost device or another run may end. */
export function showUnexpected(error: unknown): void {
	if (!(error instanceof Error && expected.includes(error.name))) showError(error);
}

/** How a run begins. */
interface StartOptions {
	/** The step after which training ends by itself. */
	readonly until?: number;
	readonly id?: string;
	readonly name?: string;
}

/**
 * Begins a new run with these settings, and trains. The address becomes a link to it.
 *
 * @returns whether it has begun; if not, the page shows the error
 */
export function startRun(settings: Settings, { until, id = newId(), name }: StartOptions = {}): Promise<boolean> {
	return show(id, settings, async () => {
		if (name !== undefined) nameRun(id, name);
		await engine.session.begin(settings, id);
		await engine.session.play(until ?? Number.POSITIVE_INFINITY);
	});
}

/** Shows another run, for which `body` asks the worker. @returns whether that succeeded */
async function show(id: string, settings: Settings, body: () => Promise<void>): Promise<boolean> {
	failure.value = undefined;
	continued.value = undefined;
	try {
		await saveBeforeAnother(seconds.value * 1000);
		await holdRun(id);
		await body();
		showInAddress(settings);
		keepValue("sessionStorage", shownRun, id);
		return true;
	} catch (error) {
		showError(error);
		return false;
	}
}

/** Where a tab keeps the id of its run, so that it finds it after a reload. */
const shownRun = "run";
/** The run that went on by itself when the page was opened. */
export const continued = signal<StoredRun | undefined>(undefined);

/** Continues a stored run from its state: the same bits as if it had not been interrupted. */
export async function continueRun(stored: StoredRun, trains = true): Promise<void> {
	const { id, version, settings, milliseconds, data } = stored;
	if (run.value?.id === id) {
		if (trains) await engine.session.play();
		return;
	}
	await show(id, settings, async () => {
		if (version !== recordVersion)
			throw new Error(
				"Another version of this page has stored this run, so it cannot go on here. Its link begins it again.",
			);
		if (!(await holdRun(id))) throw new Error("This run is open in another tab: continue it there, or close that tab.");
		if (data !== undefined) {
			const here = await engine.takeAlong.dataOf(settings).catch(() => undefined);
			if (here?.hash !== data.hash)
				throw new Error(
					`This run was trained on ${data.count} images of your own (${data.name}), which are not in this tab: add the same images, then continue it.`,
				);
		}
		const bytes = await loadState(id);
		if (bytes === undefined) throw new Error("The weights of this run are not stored any more.");
		const curves = await loadCurves(id);
		if (curves !== undefined) earlierCurves.set(id, curves);
		await engine.session.begin(settings, id, { bytes, milliseconds });
		if (trains) await engine.session.play();
	});
}

/** Shows one of two compared models as the run, and goes on training it. */
export async function takeOver(side: "a" | "b", settings: Settings, curves: Curves): Promise<void> {
	const id = newId();
	await show(id, settings, async () => {
		earlierCurves.set(id, curves);
		await engine.compare.takeOver(side, id);
		await engine.session.play();
	});
}

/** Shows a model from a file as the run; it does not train yet. */
export async function loadModel(file: File): Promise<void> {
	const id = newId();
	failure.value = undefined;
	continued.value = undefined;
	await saveBeforeAnother(seconds.value * 1000);
	const settings = await engine.takeAlong.load(new Uint8Array(await file.arrayBuffer()), id);
	nameRun(id, file.name);
	await holdRun(id);
	showInAddress(settings);
	keepValue("sessionStorage", shownRun, id);
}

/** The address of the page with these settings. */
export function linkTo(settings: Settings): string {
	const address = new URL(location.href);
	address.search = toQuery(settings);
	address.hash = "";
	return address.href;
}

function showInAddress(settings: Settings): void {
	const query = toQuery(settings);
	history.replaceState(null, "", `${location.pathname}${query === "" ? "" : `?${query}`}${location.hash}`);
}

export function togglePlay(): void {
	(isTraining.value ? engine.session.pause() : engine.session.play()).catch(showError);
}

/**
 * The stored run that goes on when the page is opened: the one that this tab had before a reload, or else the one that was
 * stored last, if the address names its settings.
 */
async function runToContinue(settings: Settings): Promise<StoredRun | undefined> {
	const id = keptValue("sessionStorage", shownRun);
	let last = id === null ? undefined : await loadRun(id);
	if (last === undefined) {
		await refresh();
		last = storedRuns.value[0];
	}
	if (last === undefined || last.version !== recordVersion || toQuery(last.settings) !== toQuery(settings))
		return undefined;
	return last.data === undefined && (await holdRun(last.id)) ? last : undefined;
}

/** Opens the device, and continues or begins the run of the address. */
export async function open(): Promise<void> {
	try {
		await listenToEngine(receive);
		machine.value = await engine.session.open();
	} catch (error) {
		session.value = { ...session.value, phase: "no adapter" };
		missing.value = whatIsMissing(error instanceof Error ? error : new Error(String(error)));
		return;
	}
	workerFailure.catch(showError);
	document.addEventListener("visibilitychange", tellHidden);
	tellHidden();
	const { settings, wrong } = fromQuery(location.search);
	if (wrong.length > 0)
		notice.value = `The link has settings that this page does not accept, and the run has the defaults instead: ${wrong.join("; ").replace(/\.$/, "")}.`;
	keepSaving();
	const stop = Number(new URLSearchParams(location.search).get("stop"));
	const until = Number.isInteger(stop) && stop > 0 ? stop : undefined;
	const stored = until === undefined ? await runToContinue(settings) : undefined;
	if (stored !== undefined) {
		await continueRun(stored);
		if (run.value?.id === stored.id) {
			continued.value = stored;
			return;
		}
	}
	let begun = settings;
	if (settings.data === "own") {
		await refresh();
		const mine = storedRuns.value.find((each) => toQuery(each.settings) === toQuery(settings))?.data;
		notice.value =
			mine === undefined
				? "The link is to a run on someone's own images, which a link does not hold: this run has the digits."
				: `Your run was trained on ${mine.count} images of your own (${mine.name}), which are not stored: add them again, then continue the run under Runs. This run has the digits.`;
		begun = { ...settings, data: defaultSettings.data, images: defaultSettings.images };
	}
	await startRun(begun, until === undefined ? {} : { until });
}

/** Whether training goes on while the tab is hidden. */
let trainsWhileHidden = keptValue("localStorage", "train-while-hidden") === "yes";

export function setTrainsWhileHidden(value: boolean): void {
	trainsWhileHidden = value;
	keepValue("localStorage", "train-while-hidden", value ? "yes" : "no");
	tellHidden();
}

export function getTrainsWhileHidden(): boolean {
	return trainsWhileHidden;
}

function tellHidden(): void {
	engine.session.setHidden(document.hidden && !trainsWhileHidden).catch(showError);
}
