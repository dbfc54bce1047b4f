// What the page knows: signals that the panels read.
import { batch, computed, signal } from "@preact/signals";
import type {
	CodebookView,
	EngineEvent,
	Failure,
	Machine,
	Pictures,
	PlaneView,
	RunInfo,
	SessionState,
	TestMetrics,
} from "../shared/frames.js";
import { defaultSettings, type Settings } from "../shared/settings.js";

export const machine = signal<Machine | undefined>(undefined);
export const session = signal<SessionState>({ phase: "opening", activity: undefined, hidden: false, speed: 0 });
export const failure = signal<Failure | undefined>(undefined);
/** A short message for the user that is no failure, such as the settings of a link that the page does not accept. */
export const notice = signal<string | undefined>(undefined);
export const run = signal<RunInfo | undefined>(undefined);
export const settings = signal<Settings>(defaultSettings);

export const step = signal(0);
export const seconds = signal(0);
export const imagesPerSecond = signal(0);
export const test = signal<TestMetrics | undefined>(undefined);
export const originals = signal<Pictures | undefined>(undefined);
export const reconstructions = signal<Pictures | undefined>(undefined);
export const codebook = signal<CodebookView | undefined>(undefined);
export const plane = signal<PlaneView | undefined>(undefined);

/** The code that the user points at or has chosen to paint with. */
export const pointedCode = signal<number | undefined>(undefined);
export const chosenCode = signal(0);

/** Points of a curve; columns as uPlot takes them. */
export interface Curve {
	readonly steps: number[];
	readonly columns: number[][];
}

/** The curves of a run. */
export interface Curves {
	/** NMSE, perplexity, loss */
	readonly training: Curve;
	/** NMSE, perplexity */
	readonly test: Curve;
}

export function emptyCurves(): Curves {
	return { training: { steps: [], columns: [[], [], []] }, test: { steps: [], columns: [[], []] } };
}

/** Curves are kept outside of signals, since they grow; `curvesVersion` says that they have changed. */
export const curves = emptyCurves();
/** The curves so far of a run that is about to be shown, by its id. */
export const earlierCurves = new Map<string, Curves>();
export const curvesVersion = signal(0);

/** Points of a curve at most: then every second one is dropped. */
const mostPoints = 4000;

export function append({ steps, columns }: Curve, step: number, values: readonly number[]): void {
	if (step <= (steps.at(-1) ?? -1)) return;
	steps.push(step);
	for (const [i, column] of columns.entries()) column.push(values[i] as number);
	if (steps.length <= mostPoints) return;
	for (const column of [steps, ...columns]) {
		const kept = column.filter((_, i) => i % 2 === 0 || i === column.length - 1);
		column.splice(0, column.length, ...kept);
	}
}

export function clearCurve({ steps, columns }: Curve): void {
	for (const column of [steps, ...columns]) column.length = 0;
}

/** Whether there is something that can be trained. */
export const isReady = computed(() => session.value.phase === "ready");
export const isTraining = computed(() => session.value.activity === "train");

const listeners = new Set<(event: EngineEvent) => void>();

/** For panels with events of their own. */
export function onEvent(listener: (event: EngineEvent) => void): () => void {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

/** Takes what the worker tells. */
export function receive(event: EngineEvent): void {
	batch(() => {
		if (event.kind === "state") session.value = event.state;
		else if (event.kind === "failure") failure.value = event.failure;
		else if (event.kind === "recovered") {
			failure.value = undefined;
			notice.value = `The GPU was lost, and is open again. The run goes on from step ${event.step}, where its weights were last copied.`;
		} else if (event.kind === "run") {
			const isNew = run.value?.id !== event.run.id;
			run.value = event.run;
			settings.value = event.settings;
			if (isNew) {
				if (chosenCode.value >= event.run.codes) chosenCode.value = 0;
				forgetRun();
				if (chosenCode.value >= event.run.codes) chosenCode.value = 0;
				restoreCurves(event.run.id);
			}
		} else if (event.kind === "frame") {
			const { frame } = event;
			if (frame.runId !== run.value?.id) return;
			step.value = frame.step;
			seconds.value = frame.seconds;
			imagesPerSecond.value = frame.imagesPerSecond;
			if (frame.originals !== undefined) originals.value = frame.originals;
			if (frame.reconstructions !== undefined) reconstructions.value = frame.reconstructions;
			if (frame.codebook !== undefined) codebook.value = frame.codebook;
			if (frame.plane !== undefined) plane.value = frame.plane;
			if (frame.test !== undefined) {
				test.value = frame.test;
				append(curves.test, frame.test.step, [frame.test.nmse, frame.test.perplexity]);
			}
			for (const { step, loss, nmse, perplexity } of frame.losses)
				append(curves.training, step, [nmse, perplexity, loss]);
			curvesVersion.value += 1;
		}
	});
	for (const listener of listeners) listener(event);
}

/** Shows the curves that a run that goes on has had so far. */
function restoreCurves(id: string): void {
	const earlier = earlierCurves.get(id);
	if (earlier === undefined) return;
	earlierCurves.delete(id);
	for (const part of ["training", "test"] as const) {
		curves[part].steps.push(...earlier[part].steps);
		for (const [i, column] of curves[part].columns.entries()) column.push(...(earlier[part].columns[i] ?? []));
	}
}

function forgetRun(): void {
	clearCurve(curves.training);
	clearCurve(curves.test);
	step.value = 0;
	seconds.value = 0;
	imagesPerSecond.value = 0;
	test.value = undefined;
	originals.value = undefined;
	reconstructions.value = undefined;
	codebook.value = undefined;
	plane.value = undefined;
	pointedCode.value = undefined;
	curvesVersion.value += 1;
}
