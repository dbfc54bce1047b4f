// The programs of the front page: choose one, edit it, run it in the page.
import type { Sample } from "../front.js";
import { Editor } from "./editor.js";
import { runProgram, stopProgram } from "./program.js";

/** How many lines of output are kept. */
const MOST_LINES = 500;

const workbench = document.querySelector<HTMLElement>(".workbench");
const data = document.querySelector("#samples")?.textContent;
const place = workbench?.querySelector<HTMLElement>(".code");
if (workbench && data && place) open(workbench, place, JSON.parse(data));

function element<K extends keyof HTMLElementTagNameMap>(
	name: K,
	attributes: Readonly<Record<string, string>>,
	...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
	const made = document.createElement(name);
	for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
	made.append(...children);
	return made;
}

/** Builds the workbench: the programs' names, the editor, and the output. */
function open(workbench: HTMLElement, place: HTMLElement, samples: readonly Sample[]): void {
	workbench.querySelector(".needs-script")?.remove();
	const editor = new Editor(place, "Program");
	const run = element("button", { class: "button primary", type: "button" }, "Run");
	const stop = element("button", { class: "button", type: "button" }, "Stop");
	const reset = element("button", { class: "button", type: "button" }, "Undo my changes");
	const status = element("span", { class: "status", role: "status" }, "Ctrl+Enter runs it too.");
	const output = element("pre", { class: "output", tabindex: "0", role: "log", "aria-label": "Output" });
	const pictures = element("div", { class: "picture" });
	let sample = samples[0];

	const names = samples.map((candidate) => {
		const name = element("button", { type: "button", "aria-pressed": "false" }, candidate.name);
		name.addEventListener("click", () => choose(candidate));
		return { candidate, name };
	});
	const choices = element("div", { class: "choices", role: "group", "aria-label": "Programs" });
	choices.append(...names.map(({ name }) => name));
	workbench.prepend(choices);
	const result = element("div", { class: "result" }, pictures, output);
	workbench.append(element("div", { class: "controls" }, run, stop, reset, status), result);

	const changed = () => {
		reset.hidden = editor.text === sample?.code;
	};
	editor.area.addEventListener("input", changed);
	workbench.addEventListener("keydown", (event) => {
		if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
		event.preventDefault();
		start();
	});
	run.addEventListener("click", start);
	stop.addEventListener("click", () => {
		stopProgram();
		ended("Stopped.");
	});
	reset.addEventListener("click", () => {
		editor.text = sample?.code ?? "";
		changed();
		editor.area.focus();
	});
	stop.hidden = true;
	if (sample !== undefined) choose(sample);

	function choose(chosen: Sample): void {
		sample = chosen;
		for (const { candidate, name } of names) name.setAttribute("aria-pressed", String(candidate === chosen));
		editor.text = chosen.code;
		place.scrollTo(0, 0);
		changed();
		clear();
		output.append(element("span", { class: "hint" }, "The output appears here."));
	}

	/** Empties the output; a program that draws gets a new canvas. */
	function clear(): void {
		output.replaceChildren();
		pictures.replaceChildren();
		pictures.hidden = !sample?.picture;
		if (sample?.picture)
			pictures.append(
				element("canvas", {
					id: "canvas",
					width: "300",
					height: "100",
					role: "img",
					"aria-label": "What the program draws",
				}),
			);
	}

	function ended(text: string): void {
		status.textContent = text;
		// The button that has the focus is about to be hidden.
		if (document.activeElement === stop) run.focus();
		stop.hidden = true;
		workbench.dataset.state = "ended";
	}

	async function start(): Promise<void> {
		clear();
		const began = performance.now();
		let adapter = "";
		status.textContent = "Running …";
		stop.hidden = false;
		workbench.dataset.state = "running";
		const listener = {
			print(text: string, kind: string) {
				if (output.childElementCount >= MOST_LINES) output.firstElementChild?.remove();
				output.append(element("span", { class: kind }, `${text}\n`));
				output.scrollTop = output.scrollHeight;
			},
			opened(name: string) {
				adapter = ` on ${name}`;
			},
		};
		current = listener;
		const succeeded = await runProgram(editor.text, listener);
		if (current !== listener || stop.hidden) return;
		const seconds = ((performance.now() - began) / 1000).toFixed(1);
		ended(succeeded ? `Done in ${seconds} s${adapter}.` : "It ended with an error.");
	}
}

/** The listener of the last program that was started. */
let current: object | undefined;
