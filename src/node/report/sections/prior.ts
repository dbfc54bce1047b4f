import { counted, measured } from "../format.js";
import { type Html, html } from "../html.js";
import type { CurveChart } from "../page/chart_data.js";
import type { PriorReport } from "../report_types.js";
import { chartFigures } from "./charts.js";
import type { NameClass } from "./images.js";
import { definitions } from "./settings.js";
import { priorColumns, testsTable } from "./tests_table.js";

/** The prior: its curves, its last test and its samples. */
export function priorSection(
	prior: PriorReport,
	charts: readonly CurveChart[],
	nameClass: NameClass,
	heldOut: string,
): Html {
	const last = prior.tests.at(-1);
	const numbers =
		last === undefined
			? undefined
			: html`<p>The ${heldOut} images after step ${counted(last.step)}: ${measured(last.nats)} nats per code${
					last.bitsPerImage === undefined ? undefined : `, ${measured(last.bitsPerImage)} bits per image`
				}${last.bitsPerDim === undefined ? undefined : `, ${measured(last.bitsPerDim)} bits per dimension`}.</p>`;
	return html`<section id="prior" aria-labelledby="prior-title"><h2 id="prior-title">Prior</h2>
${numbers}${chartFigures(charts)}${samples(prior, nameClass)}${
	prior.tests.length === 0
		? undefined
		: html`<h3>Epochs of the prior</h3>${testsTable(prior.tests, priorColumns, "prior-metrics.jsonl")}`
}${
	prior.metadata === undefined
		? undefined
		: html`<details><summary>Settings of the prior</summary>${definitions(prior.metadata)}</details>`
}</section>`;
}

function samples({ samples }: PriorReport, nameClass: NameClass): Html {
	if (samples === undefined) return html``;
	const { picture, bytes, rows } = samples;
	const heading = html`<h3>Samples${rows === undefined ? undefined : " by class"}</h3>`;
	if (picture === undefined)
		return html`${heading}<p>samples.png has ${measured(bytes / 1e6)} MB, too many for this page: <a href="samples.png">open the file</a> next to it.</p>`;
	const labels =
		rows === undefined
			? undefined
			: html`<div class="row-labels">${Array.from({ length: rows }, (_, row) => html`<span>${nameClass(row)}</span>`)}</div>`;
	const alt = rows === undefined ? "Images drawn from the prior" : "Images drawn from the prior, a row for each class";
	return html`${heading}<div class="samples">${labels}<img src="data:image/png;base64,${picture.png}" width="${picture.width}" height="${picture.height}" alt="${alt}"></div>`;
}
