// Keeps the shown run in the browser's storage.
import { engine } from "./engine.js";
import { holdRun } from "./run_lock.js";
import { type Curves, curves, isTraining, machine, onEvent, run, session, settings } from "./store.js";
import { changeRun, loadRun, recordVersion, refresh, type StoredRun, storeRun } from "./stored_runs.js";

/** Milliseconds between two savings while the run trains, on a GPU and on an adapter that computes on the CPU. */
const interval = { gpu: 15_000, cpu: 60_000 };
/** A run that another one replaces is kept if it has trained for so long, in milliseconds. */
const worthKeeping = 10_000;

let lastSaved = { id: "", step: -1, at: 0 };
let saving: Promise<void> = Promise.resolve();
/** Runs that the user has deleted while they were shown. */
const unwanted = new Set<string>();
/** Names of runs that are not stored yet. */
const names = new Map<string, string>();

/** The name that a run gets when it is stored. */
export function nameRun(id: string, name: string): void {
	names.set(id, name);
}

/** The user has deleted a run: if it is shown, it is stored again only when the user asks for it. */
export function forgetStored(ids: readonly string[]): void {
	for (const id of ids) unwanted.add(id);
	lastSaved = { id: "", step: -1, at: performance.now() };
}

/** How much is done besides storing the state. */
interface SaveOptions {
	/** Whether the run is evaluated on all test images. */
	readonly evaluate?: boolean;
	/** Whether the user has asked for it, and wants a run kept that was deleted before. */
	readonly asked?: boolean;
}

/** Stores the shown run. One saving waits for the one before. */
export function save(options: SaveOptions = {}): Promise<void> {
	const next = saving.then(() => store(options));
	saving = next.catch(() => {});
	return next;
}

async function store({ evaluate = true, asked = false }: SaveOptions): Promise<void> {
	const info = run.value;
	if (info === undefined || session.value.phase !== "ready") return;
	if (asked) unwanted.delete(info.id);
	if (unwanted.has(info.id)) return;
	const state = await engine.takeAlong.state();
	if (state === undefined || state.id !== info.id || state.step === 0 || run.value?.id !== info.id) return;
	// Taken before the next await: the page may show another run after it.
	const [runSettings, runCurves] = [settings.value, until(curves, state.step)];
	if (!(await holdRun(info.id))) return;
	const before = await loadRun(info.id);
	if (before?.step === state.step && before.evaluation?.step === state.step) return;
	const now = Date.now();
	const record: StoredRun = {
		id: info.id,
		version: recordVersion,
		name:
			before?.name ??
			names.get(info.id) ??
			new Date(now).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
		settings: runSettings,
		step: state.step,
		milliseconds: state.milliseconds,
		evaluation: before?.evaluation,
		data: runSettings.data === "own" ? await engine.takeAlong.dataOf(runSettings) : undefined,
		created: before?.created ?? now,
		updated: now,
	};
	if (!(await storeRun(record, state.bytes, runCurves))) return;
	lastSaved = { id: info.id, step: state.step, at: performance.now() };
	if (!evaluate || run.value?.id !== info.id) return;
	const evaluation = await engine.takeAlong.evaluation();
	if (run.value?.id === info.id) await changeRun(info.id, { evaluation });
}

/** Curves up to a step. */
function until({ training, test }: Curves, step: number): Curves {
	const cut = ({ steps, columns }: Curves["training"]) => {
		const count = steps.filter((at) => at <= step).length;
		return { steps: steps.slice(0, count), columns: columns.map((column) => column.slice(0, count)) };
	};
	return { training: cut(training), test: cut(test) };
}

/** Before another run is shown: stores this one, unless it has only just begun. */
export async function saveBeforeAnother(milliseconds: number): Promise<void> {
	if (milliseconds >= worthKeeping || lastSaved.id === run.value?.id) await save({ evaluate: false });
}

/** Saves while the run trains, when it pauses, and when the tab is hidden or closed. */
export function keepSaving(): void {
	refresh();
	let wasTraining = false;
	onEvent((event) => {
		if (event.kind !== "state") return;
		// The frame before it had the last losses.
		if (wasTraining && event.state.activity === undefined) save().catch(() => {});
		wasTraining = isTraining.value;
	});
	setInterval(() => {
		const between = machine.value?.software === true ? interval.cpu : interval.gpu;
		if (isTraining.value && !session.value.hidden && performance.now() - lastSaved.at > between) {
			lastSaved = { ...lastSaved, at: performance.now() };
			save().catch(() => {});
		}
	}, 2000);
	const hide = () => {
		if (document.hidden) save({ evaluate: false }).catch(() => {});
	};
	document.addEventListener("visibilitychange", hide);
	addEventListener("pagehide", () => save({ evaluate: false }).catch(() => {}));
}
