import { counted, duration, measured } from "../format.js";
import { type Html, html } from "../html.js";
import type { TestRow } from "../report_types.js";

/** Earlier rows are left out. */
const mostRows = 100;

type Column = readonly [key: string, heading: string, format: (value: number | undefined) => string];

const progress: readonly Column[] = [
	["epoch", "Epoch", counted],
	["step", "Step", counted],
];
const speed: readonly Column[] = [
	["imagesPerSecond", "Images/s", counted],
	["seconds", "Time", duration],
];

/** The columns of a model's tests. */
export const modelColumns: readonly Column[] = [
	...progress,
	["nmse", "NMSE", measured],
	["perplexity", "Perplexity", measured],
	["codesInUse", "Codes in use", counted],
	...speed,
];

/** The columns of a prior's tests. */
export const priorColumns: readonly Column[] = [
	...progress,
	["nats", "Nats per code", measured],
	["bitsPerImage", "Bits per image", measured],
	["bitsPerDim", "Bits per dimension", measured],
	...speed,
];

/** The tests of a training as a table, the last ones if they are many. Columns without values are left out. */
export function testsTable(tests: readonly TestRow[], columns: readonly Column[], file: string): Html {
	const used = columns.filter(([key]) => tests.some((row) => row[key] !== undefined));
	const rows = tests.slice(-mostRows);
	const note =
		rows.length < tests.length
			? html`<p class="muted">The last ${rows.length} of ${counted(tests.length)} rows. All are in ${file}.</p>`
			: undefined;
	return html`<div class="table" tabindex="0" role="region" aria-label="Epochs in ${file}"><table>
<thead><tr>${used.map(([, heading]) => html`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${used.map(([key, , format]) => html`<td>${format(row[key])}</td>`)}</tr>`)}</tbody></table></div>${note}`;
}
