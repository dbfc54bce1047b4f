import { tokensOf } from "../highlight.js";

/** An editor for a program: a text area over the same text in colours. */
export class Editor {
	readonly area = document.createElement("textarea");
	private readonly code = document.createElement("code");

	/** @param place the element that gets the editor, instead of what is in it */
	constructor(place: HTMLElement, label: string) {
		const { area, code } = this;
		area.setAttribute("aria-label", label);
		Object.assign(area, { spellcheck: false, autocapitalize: "off", autocomplete: "off", wrap: "off" });
		area.setAttribute("autocorrect", "off");
		const pre = document.createElement("pre");
		pre.setAttribute("aria-hidden", "true");
		pre.append(code);
		place.classList.add("editor");
		place.replaceChildren(pre, area);
		area.addEventListener("input", () => this.paint());
	}

	get text(): string {
		return this.area.value;
	}

	set text(text: string) {
		this.area.value = text;
		this.paint();
	}

	private paint(): void {
		// The last line break would not make a line of its own.
		const parts = tokensOf(`${this.area.value}\n`, "js").map(({ kind, text }) => {
			if (kind === "text") return text;
			const span = document.createElement("span");
			span.className = kind;
			span.textContent = text;
			return span;
		});
		this.code.replaceChildren(...parts);
	}
}
