/** HTML text, in which everything that is not markup is escaped. */
export class Html {
	static readonly name: string = "Html";

	constructor(readonly text: string) {}
}

/** What can be inserted in HTML: text and numbers are escaped, undefined is nothing. */
export type Insertable = Html | string | number | undefined | readonly Insertable[];

/**
 * HTML from a template.
 *
 * @example
 * html`<p>${"a < b"}</p>`.text; // "<p>a &lt; b</p>"
 */
export function html(parts: TemplateStringsArray, ...values: readonly Insertable[]): Html {
	return new Html(parts.map((part, i) => part + inserted(values[i])).join(""));
}

function inserted(value: Insertable): string {
	if (value === undefined) return "";
	if (value instanceof Html) return value.text;
	return typeof value === "object" ? value.map(inserted).join("") : escapeHtml(String(value));
}

/** Text for an element or for an attribute in quotes. */
function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** JSON for a script element, which cannot end the element. */
export function scriptJson(value: unknown): Html {
	return new Html(
		JSON.stringify(value).replace(
			/[<\u2028\u2029]/g,
			(sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
		),
	);
}
