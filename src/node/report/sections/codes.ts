import { counted, percent } from "../format.js";
import { type Html, html } from "../html.js";
import type { CodePatches } from "../report_types.js";

/** The side of a code on the page, in CSS pixels. */
const side = 32;

/** What each code of each level draws. */
export function codeGrids(codes: readonly CodePatches[]): Html {
	return html`${codes.map((level, i) => codeGrid(level, i, codes.length))}`;
}

function codeGrid({ total, unused, uses, shown, patches, columns }: CodePatches, level: number, levels: number): Html {
	const heading = levels > 1 ? html`<h3>Level ${level + 1}</h3>` : undefined;
	const left = shown.length < total ? ` The ${counted(shown.length)} most used are shown.` : "";
	const rows = Math.ceil(shown.length / columns);
	const text = `${counted(total)} codes, ${counted(unused)} of them unused (crossed out), the most used first.${left}`;
	const style = `--sheet:url(data:image/png;base64,${patches.png});--sheet-size:${columns * side}px ${rows * side}px`;
	return html`${heading}<p>${text}</p>
<div class="codes" data-picker="code-readout-${level}" role="img" aria-label="What each code draws. ${text}" style="${style}">${shown.map(
		([code, count], rank) =>
			html`<i${count === 0 ? html` class="unused"` : undefined} style="background-position:-${(rank % columns) * side}px -${Math.floor(rank / columns) * side}px" title="${describe(code, count, uses)}"></i>`,
	)}</div>
<p class="readout" id="code-readout-${level}">Point at a code to see how often it is used.</p>`;
}

function describe(code: number, count: number, uses: number): string {
	if (count === 0) return `Code ${code}: unused`;
	return `Code ${code}: ${counted(count)} ${count === 1 ? "use" : "uses"}, ${percent(count / uses)}`;
}
