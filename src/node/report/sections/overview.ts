import { counted, measured } from "../format.js";
import { type Html, html } from "../html.js";
import type { ReportData, TestRow } from "../report_types.js";

const states: Readonly<Record<ReportData["state"], string>> = {
	running: "running",
	finished: "finished",
	stopped: "stopped before its end",
	diverged: "ended because it diverged",
};

/** What the run has reached, and when the page was written. */
export function overview(data: ReportData): Html {
	const { metrics, state, training, written, prior, config } = data;
	const { steps } = training === "prior" && prior !== undefined ? prior : metrics;
	const last = steps.at(-1);
	const epochs = training === "model" && typeof config.epochs === "number" ? ` of ${config.epochs}` : "";
	const progress = last === undefined ? "" : `, epoch ${last.epoch ?? "–"}${epochs}, step ${counted(last.step)}`;
	const time = `${written.slice(0, 10)} ${written.slice(11, 16)} UTC`;
	return html`<p class="state"><strong class="badge ${state}">${training === "prior" ? "Training of the prior" : "Training"} ${states[state]}</strong>
<span>${progress.slice(2)}</span></p>
<p class="muted">Written <time id="written" datetime="${written}">${time}</time>.
<label id="refresh" hidden><input type="checkbox" checked> Refresh every 30 s</label></p>
${tiles(data)}`;
}

function tiles({ metrics, model, prior, heldOut }: ReportData): Html {
	const last = metrics.tests.at(-1);
	const best = metrics.tests.reduce<TestRow | undefined>(
		(least, row) => (row.nmse !== undefined && row.nmse < (least?.nmse ?? Number.POSITIVE_INFINITY) ? row : least),
		undefined,
	);
	const total = model?.codes.reduce((sum, level) => sum + level.total, 0);
	const speed = metrics.tests.findLast(({ imagesPerSecond }) => imagesPerSecond !== undefined)?.imagesPerSecond;
	const test = prior?.tests.at(-1);
	return html`<dl class="tiles">${[
		last === undefined
			? undefined
			: tile(
					heldOut === "test" ? "Test NMSE" : "Validation NMSE",
					measured(last.nmse),
					best === last ? "the best so far" : `best ${measured(best?.nmse)} at step ${counted(best?.step)}`,
				),
		last?.perplexity === undefined
			? undefined
			: tile("Perplexity", measured(last.perplexity), total === undefined ? "" : `of at most ${counted(total)}`),
		last?.codesInUse === undefined
			? undefined
			: tile("Codes in use", counted(last.codesInUse), total === undefined ? "" : `of ${counted(total)}`),
		speed === undefined ? undefined : tile("Images per second", counted(speed), "in training"),
		test === undefined ? undefined : tile("Prior", measured(test.nats), "nats per code"),
	]}</dl>`;
}

function tile(name: string, value: string, note: string): Html {
	return html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`;
}
