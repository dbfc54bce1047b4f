import { useBins } from "../code_use.js";
import { counted } from "../format.js";
import { type Html, html } from "../html.js";
import type { CodeUse } from "../report_types.js";

/** More columns than this are thinned out. */
const mostColumns = 120;

/** How many codes are used how often, a stacked column for each time that the page was written. */
export function useChart(use: readonly CodeUse[]): Html {
	const [first] = use;
	if (first === undefined) return html``;
	const every = Math.ceil(use.length / mostColumns);
	const columns = use.filter((_, i) => (use.length - 1 - i) % every === 0);
	const total = first.bins.reduce((sum, codes) => sum + codes, 0);
	return html`<figure class="card use-chart"><figcaption id="use-title">Codes by how often they are used, over the steps</figcaption>
<ul class="legend">${useBins.map(({ name }, bin) => html`<li><span class="swatch bin-${bin}"></span>${name}</li>`)}</ul>
<div class="use-plot"><div class="use-axis" aria-hidden="true"><span>${counted(total)} codes</span><span>0</span></div>
<div class="use-columns" data-picker="use-readout" role="img" aria-labelledby="use-title">${columns.map((column) => useColumn(column, total))}</div></div>
<div class="use-steps" aria-hidden="true"><span>step ${counted(columns[0]?.step)}</span>${columns.length > 1 ? html`<span>step ${counted(columns.at(-1)?.step)}</span>` : undefined}</div>
<p class="readout" id="use-readout">${describe(use.at(-1) ?? first)}</p></figure>`;
}

function useColumn(column: CodeUse, total: number): Html {
	const parts = column.bins.map((codes, bin) =>
		codes === 0
			? undefined
			: html`<i class="bin-${bin}" style="height:${Number(((100 * codes) / total).toFixed(3))}%"></i>`,
	);
	return html`<span class="use-column" title="${describe(column)}">${parts}</span>`;
}

function describe({ step, bins }: CodeUse): string {
	const parts = useBins.map(({ name }, bin) => `${name}: ${counted(bins[bin])}`);
	return `Codes after step ${counted(step)}: ${parts.join(", ")}`;
}
