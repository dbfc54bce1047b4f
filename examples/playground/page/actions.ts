// What the user can ask for.
import { defaultSettings, fromQuery, type Settings, toQuery } from "../shared/settings.js";
import { engine, listenToEngine } from "./engine.js";
import { failure, isTraining, machine, notice, receive, session } from "./store.js";

/** A new name for a run. */
export function newId(): string {
	return crypto.randomUUID();
}

/** Shows an error of a call to the worker. */
export function showError(error: unknown): void {
	const { name, message } = error instanceof Error ? error : new Error(String(error));
	failure.value = { name, message, advice: undefined };
}

/** Begins a new run with these settings, and trains. The address becomes a link to it. */
export async function startRun(settings: Settings): Promise<void> {
	failure.value = undefined;
	showInAddress(settings);
	try {
		await engine.session.begin(settings, newId());
		await engine.session.play();
	} catch (error) {
		showError(error);
	}
}

/** The address of the page with these settings. */
export function linkTo(settings: Settings): string {
	const address = new URL(location.href);
	address.search = toQuery(settings);
	address.hash = "";
	return address.href;
}

export function showInAddress(settings: Settings): void {
	const query = toQuery(settings);
	history.replaceState(null, "", `${location.pathname}${query === "" ? "" : `?${query}`}${location.hash}`);
}

export function togglePlay(): void {
	(isTraining.value ? engine.session.pause() : engine.session.play()).catch(showError);
}

/** Opens the device, and begins the run of the address. */
export async function open(): Promise<void> {
	await listenToEngine(receive);
	document.addEventListener("visibilitychange", tellHidden);
	try {
		machine.value = await engine.session.open();
	} catch (error) {
		session.value = { ...session.value, phase: "no adapter" };
		showError(error);
		return;
	}
	tellHidden();
	const { settings, wrong } = fromQuery(location.search);
	if (wrong.length > 0)
		notice.value = `The link has something that the page cannot use, and the default stands instead: ${wrong.join("; ")}.`;
	if (settings.data === "own") {
		notice.value = "The link is to a run on someone's own images, which a link does not hold: this run has the digits.";
		await startRun({ ...settings, data: defaultSettings.data, images: defaultSettings.images });
	} else await startRun(settings);
}

/** Whether training goes on while the tab is hidden. */
let trainsWhileHidden = localStorage.getItem("train-while-hidden") === "yes";

export function setTrainsWhileHidden(value: boolean): void {
	trainsWhileHidden = value;
	localStorage.setItem("train-while-hidden", value ? "yes" : "no");
	tellHidden();
}

export function getTrainsWhileHidden(): boolean {
	return trainsWhileHidden;
}

function tellHidden(): void {
	engine.session.setHidden(document.hidden && !trainsWhileHidden).catch(showError);
}
