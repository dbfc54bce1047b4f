import { createHash } from "node:crypto";
import chartStyle from "uplot/dist/uPlot.min.css?text";
import licence from "uplot/LICENSE?text";
import { counted } from "./format.js";
import { Html, html, type Insertable, scriptJson } from "./html.js";
import script from "./page/main.ts?script";
import style from "./page/style.css?text";
import type { ReportData } from "./report_types.js";
import { chartFigures, modelCharts, priorCharts } from "./sections/charts.js";
import { codeGrids } from "./sections/codes.js";
import { codeMaps, type NameClass, pairs } from "./sections/images.js";
import { overview } from "./sections/overview.js";
import { priorSection } from "./sections/prior.js";
import { definitions } from "./sections/settings.js";
import { modelColumns, testsTable } from "./sections/tests_table.js";
import { useChart } from "./sections/use_chart.js";

/** A page that is complete in itself: styles, scripts, data and pictures are part of it, and it requests nothing. */
export function reportPage(data: ReportData): string {
	const { name, config, metrics, model, prior, state, written, heldOut } = data;
	const charts = modelCharts(metrics, heldOut);
	const ofPrior = prior === undefined ? [] : priorCharts(prior, heldOut);
	const nameClass = classNames(config.classes);
	const sections = [
		section("curves", "Curves", [
			metrics.steps.length + metrics.tests.length === 0 ? html`<p>No step has been logged yet.</p>` : undefined,
			html`<noscript><p>The charts need JavaScript. The table of epochs has the numbers.</p></noscript>`,
			chartFigures(charts, model && useChart(model.use)),
		]),
		...modelSections(data, nameClass),
		...(prior === undefined
			? []
			: [{ id: "prior", title: "Prior", body: priorSection(prior, ofPrior, nameClass, heldOut) }]),
		section(
			"epochs",
			"Epochs",
			metrics.tests.length === 0
				? html`<p>No epoch has been tested yet.</p>`
				: testsTable(metrics.tests, modelColumns, "metrics.jsonl"),
		),
		section("settings", "Settings, device and version", definitions(config)),
	];
	const code = new Html(script.replace(/<(?=\/script|!--)/gi, "\\x3C"));
	const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${sha256(code.text)}'`;
	const page = html`<!doctype html>
<html lang="en" data-state="${state}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name} · Tessera</title>
<link rel="icon" href="data:,">
<style>${new Html(chartStyle)}${new Html(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><div class="top"><h1>${name}</h1><button type="button" id="theme" hidden>Theme</button></div>
${overview(data)}
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav></header>
<main id="main" tabindex="-1">
${sections.map(({ body }) => body)}
</main>
<footer><p>Written by Tessera${typeof config.version === "string" ? ` ${config.version}` : undefined} at <time datetime="${written}">${written}</time>.</p></footer>
<script type="application/json" id="charts">${scriptJson([...charts, ...ofPrior])}</script>
<!-- The following script contains uPlot:
${new Html(licence.replaceAll("--", "- -").trim())}
-->
<script>${code}</script>
</body>
</html>
`;
	return page.text;
}

interface Section {
	readonly id: string;
	readonly title: string;
	readonly body: Html;
}

function section(id: string, title: string, body: Insertable): Section {
	return {
		id,
		title,
		body: html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${body}</section>`,
	};
}

function modelSections({ model, heldOut }: ReportData, nameClass: NameClass): Section[] {
	if (model === undefined) return [];
	const { images, step, examples, worst, maps, codes } = model;
	const shrunk = images.shrunk > 1 ? ` Pictures are shown at 1/${images.shrunk} of their size.` : "";
	const of = `${counted(images.looked)} of the ${counted(images.count)} ${heldOut} images`;
	return [
		section("reconstructions", "Reconstructions", [
			html`<p>Originals above reconstructions, after step ${counted(step)}. The error is the mean squared error over the variance of the training images.${shrunk}</p>`,
			pairs(examples, nameClass),
		]),
		section("worst", "Largest errors", [
			html`<p>The images with the largest errors among ${of}.</p>`,
			pairs(worst, nameClass),
		]),
		section("codes", "What each code draws", [
			html`<p>The middle of a decoded square of one code, with its uses in ${of}.</p>`,
			codeGrids(codes),
		]),
		section("maps", "Code maps", [
			html`<p>Images next to their codes, each code in its own colour.</p>`,
			codeMaps(maps, nameClass),
		]),
	];
}

/** Names for labels: those of config.json, else their numbers. */
function classNames(classes: unknown): NameClass {
	const names: readonly unknown[] = Array.isArray(classes) ? classes : [];
	return (label) => {
		if (label === undefined) return undefined;
		const name = names[label];
		return typeof name === "string" ? name : `class ${label}`;
	};
}

function sha256(text: string): string {
	return createHash("sha256").update(text).digest("base64");
}
