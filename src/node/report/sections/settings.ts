import { type Html, html } from "../html.js";

/** A longer list is cut off. */
const mostItems = 24;
const mostCharacters = 400;

/** A table of names and values. */
export function definitions(entries: Readonly<Record<string, unknown>>): Html {
	return html`<dl class="settings">${Object.entries(entries).map(
		([name, value]) => html`<div><dt>${name}</dt><dd>${valueText(value)}</dd></div>`,
	)}</dl>`;
}

function valueText(value: unknown): string {
	if (Array.isArray(value)) {
		if (value.length === 0) return "–";
		const more = value.length - mostItems;
		const items = value.slice(0, mostItems).map(valueText).join(", ");
		return shortened(more > 0 ? `${items}, … and ${more} more` : items);
	}
	if (typeof value === "number") return String(Number(value.toPrecision(6)));
	return shortened(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
}

function shortened(text: string): string {
	return text.length > mostCharacters ? `${text.slice(0, mostCharacters)} …` : text;
}
