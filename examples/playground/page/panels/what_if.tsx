import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { CompareSide, Evaluation, Pictures } from "../../shared/frames.js";
import {
	accepted,
	codesOf,
	conflict,
	defaultSettings,
	parseSetting,
	type SettingName,
	type Settings,
	withSetting,
} from "../../shared/settings.js";
import { showError, startRun } from "../actions.js";
import {
	type ComparedModel,
	type ComparisonView,
	compare,
	comparison,
	comparisonBusy,
	comparisonVersion,
	continueComparison,
	continueWith,
	endComparison,
	pauseComparison,
} from "../comparison.js";
import { engine } from "../engine.js";
import { formatCount, formatNumber } from "../formats.js";
import { Card } from "../parts/card.js";
import { Chart, type ChartSeries } from "../parts/chart.js";
import { joinCurves } from "../parts/curves.js";
import { describeDifferences, nameOf } from "../parts/differences.js";
import { toImageData } from "../parts/pixels.js";
import { descriptions, matters, SettingInput } from "../parts/settings_form.js";
import { visiblePanels } from "../parts/visible.js";
import { isReady, machine, session, settings, step } from "../store.js";
import "./what_if.css";

/** Test images of each model that are shown. */
const shownImages = 8;

/** The paper's recipe as it is usually coded in PyTorch: nn.Embedding's N(0, 1), equation 3, Adam with 1e-3. */
const collapse: Settings = {
	...defaultSettings,
	quantizer: "loss",
	init: "normal",
	deadBelow: 0,
	dim: 64,
	hidden: 32,
	lr: 1e-3,
};
/** The same network and data with codes that follow their latents. */
const cure: Settings = { ...collapse, quantizer: "ema", init: "kmeans", deadBelow: defaultSettings.deadBelow };

const series: readonly ChartSeries[] = [
	{ label: "A", colour: "--curve-1" },
	{ label: "B", colour: "--curve-2", dashed: true },
];

/** What A can be. */
const bases = {
	run: "the run above",
	defaults: "the default settings",
	collapse: "the classic collapse",
} as const;
type Base = keyof typeof bases;

function settingsOf(base: Base): Settings {
	return { run: settings.value, defaults: defaultSettings, collapse }[base];
}

export function WhatIf() {
	useEffect(
		() =>
			effect(() => {
				const isShown = visiblePanels.value.has("what-if");
				if (isReady.value) engine.compare.watch(isShown).catch(showError);
			}),
		[],
	);
	const steps = useSignal<number | undefined>(undefined);
	const isSlow = machine.value?.software === true;
	const count = steps.value ?? (isSlow ? 150 : 1000);
	return (
		<Card
			id="what-if"
			title="What if"
			wide
			lead="Two models train alternately, step by step, from one seed and on the same images. They differ in one setting, or in the recipe by which codes are learnt. The run above is paused meanwhile."
		>
			<Presets steps={count} />
			<Chooser steps={count} onSteps={(value) => (steps.value = value)} />
			{comparison.value !== undefined && <Compared view={comparison.value} steps={count} />}
		</Card>
	);
}

function Presets({ steps }: { readonly steps: number }) {
	const off = !isReady.value || comparisonBusy.value;
	return (
		<div class="presets">
			<section aria-labelledby="collapse-title">
				<h3 id="collapse-title">The classic collapse</h3>
				<p>
					The codes are drawn from N(0, 1) and learnt by gradient, as the paper's equation 3 is usually coded in
					PyTorch. The encoder's first outputs lie close together and far from most codes, so that a few codes are
					nearest to all of them. Only these get a gradient and move; the others are never chosen, and stay where they
					were.
				</p>
				<button type="button" disabled={off} onClick={() => startRun(collapse)}>
					Train it as the run
				</button>
			</section>
			<section aria-labelledby="cure-title">
				<h3 id="cure-title">Its cure</h3>
				<p>
					K-means of the first latents puts the codes where the encoder's outputs are. Each code then follows the moving
					average of its latents, which needs no learning rate. A code that is hardly used is re-initialised from a
					latent of the batch, so that no code stays unused for long.
				</p>
				<button type="button" disabled={off} onClick={() => startRun(cure)}>
					Train it as the run
				</button>
			</section>
			<button type="button" class="primary" disabled={off} onClick={() => compare(collapse, cure, steps)}>
				Train both side by side
			</button>
		</div>
	);
}

interface ChooserProps {
	readonly steps: number;
	readonly onSteps: (steps: number) => void;
}

/** Chooses A, and the setting in which B differs. */
function Chooser({ steps, onSteps }: ChooserProps) {
	const base = useSignal<Base>("run");
	const name = useSignal<keyof typeof descriptions>("codes");
	const texts = useSignal<Partial<Record<SettingName, string>>>({});
	const stepsText = useSignal<string | undefined>(undefined);
	const problem = useSignal<string | undefined>(undefined);
	const a = settingsOf(base.value);
	const names = (Object.keys(descriptions) as (keyof typeof descriptions)[]).filter((each) => matters(each, a));
	const chosen = names.includes(name.value) ? name.value : "quantizer";
	const text = texts.value[chosen] ?? suggestion(a, chosen);
	const begin = (event: Event) => {
		event.preventDefault();
		const value = parseSetting(chosen, text);
		const count = Number(stepsText.value ?? steps);
		if (value === undefined) problem.value = `${nameOf(chosen)} must be ${accepted(chosen)}, but is "${text}".`;
		else if (!Number.isInteger(count) || count < 1)
			problem.value = `Steps must be a whole number of at least 1, but is "${stepsText.value}".`;
		else if (String(value) === String(a[chosen]))
			problem.value = `A has ${nameOf(chosen)} ${text} too: choose another value.`;
		else {
			const b = withSetting(a, chosen, value);
			problem.value = conflict(b);
			if (problem.value !== undefined) return;
			onSteps(count);
			compare(a, b, count);
		}
	};
	return (
		<details class="options">
			<summary>Change one setting yourself</summary>
			<form class="settings" onSubmit={begin} noValidate>
				<div class="setting">
					<label for="compare-base">A is</label>
					<select
						id="compare-base"
						value={base.value}
						onChange={(event) => (base.value = event.currentTarget.value as Base)}
					>
						{Object.entries(bases).map(([key, label]) => (
							<option key={key} value={key}>
								{label}
							</option>
						))}
					</select>
					<small>{describeDifferences(a)}</small>
				</div>
				<div class="setting">
					<label for="compare-name">B differs in</label>
					<select
						id="compare-name"
						value={chosen}
						onChange={(event) => (name.value = event.currentTarget.value as keyof typeof descriptions)}
					>
						{names.map((each) => (
							<option key={each} value={each}>
								{nameOf(each)}
							</option>
						))}
					</select>
					<small>A has {String(a[chosen])}.</small>
				</div>
				<SettingInput
					key={chosen}
					name={chosen}
					prefix="compare"
					text={text}
					onText={(next) => {
						texts.value = { ...texts.value, [chosen]: next };
					}}
				/>
				<div class="setting">
					<label for="compare-steps">Steps</label>
					<input
						id="compare-steps"
						inputMode="numeric"
						autocomplete="off"
						value={stepsText.value ?? String(steps)}
						onInput={(event) => (stepsText.value = event.currentTarget.value)}
					/>
					<small>Then both pause and are evaluated; they can go on.</small>
				</div>
				{problem.value !== undefined && (
					<p class="problem" role="alert">
						{problem.value}
					</p>
				)}
				<button type="submit" disabled={!isReady.value || comparisonBusy.value}>
					Compare
				</button>
			</form>
		</details>
	);
}

/** A value for B that shows something. */
function suggestion(a: Settings, name: SettingName): string {
	const other: Partial<Record<SettingName, string>> = {
		quantizer: a.quantizer === "loss" ? "ema" : "loss",
		codes: a.codes === 16 ? "128" : "16",
		dim: a.dim === 2 ? "16" : "2",
		levels: a.quantizer === "fsq" ? "4,4,4" : "3",
		init: a.init === "normal" ? "kmeans" : "normal",
		decay: a.decay > 0.9 ? "0.5" : "0.99",
		deadBelow: a.deadBelow > 0 ? "0" : "0.1",
		beta: a.beta > 1 ? "0.25" : "2",
		gradient: a.gradient === "rotation" ? "straight-through" : "rotation",
		similarity: a.similarity === "cosine" ? "euclidean" : "cosine",
		seed: String(a.seed + 1),
	};
	return other[name] ?? String(a[name]);
}

interface ComparedProps {
	readonly view: ComparisonView;
	readonly steps: number;
}

function Compared({ view, steps }: ComparedProps) {
	const { a, b, until } = view;
	const isRunning = session.value.activity === "compare";
	const off = comparisonBusy.value || !isReady.value;
	const at = Math.max(a.latest?.step ?? 0, b.latest?.step ?? 0);
	return (
		<div class="compared">
			<div class="row" role="toolbar" aria-label="Comparison">
				{isRunning ? (
					<button type="button" class="primary" disabled={off} onClick={() => pauseComparison()}>
						Pause both
					</button>
				) : (
					<button
						type="button"
						class="primary"
						disabled={off}
						onClick={() => continueComparison(at < until ? until : until + steps)}
					>
						{at < until ? "Go on" : `${steps} more steps`}
					</button>
				)}
				<button type="button" disabled={off} onClick={() => continueWith("a")}>
					Continue with A
				</button>
				<button type="button" disabled={off} onClick={() => continueWith("b")}>
					Continue with B
				</button>
				<button type="button" disabled={off} onClick={() => endComparison()}>
					End the comparison
				</button>
			</div>
			<p class="hint" aria-live="polite">
				{comparisonBusy.value
					? isRunning
						? "The two are evaluated …"
						: "A moment …"
					: isRunning
						? `Both train; the run above waits at step ${formatCount(step.value)}. Step ${at} of ${until}.`
						: `Both are paused at step ${at}.`}
			</p>
			<div class="sides">
				<SideView name="A" model={a} text={describeDifferences(a.settings)} originals={view.originals} />
				<SideView
					name="B"
					model={b}
					text={`A with ${describeDifferences(b.settings, a.settings)}`}
					originals={view.originals}
				/>
			</div>
			<Curves view={view} />
			<Verdict a={a} b={b} />
		</div>
	);
}

interface SideProps {
	readonly name: "A" | "B";
	readonly model: ComparedModel;
	readonly text: string;
	readonly originals: Pictures | undefined;
}

function SideView({ name, model, text, originals }: SideProps) {
	const { latest } = model;
	const nmse = latest?.test?.nmse;
	return (
		<section aria-labelledby={`side-${name}`}>
			<h3 id={`side-${name}`}>
				<span class={`side-mark side-${name}`}>{name}</span> {text}
			</h3>
			{latest?.stopped !== undefined && <p class="problem">{latest.stopped}</p>}
			<canvas
				class="pixels compare-strip"
				ref={(element) => {
					if (element !== null) drawStrip(element, originals, latest?.reconstructions);
				}}
				width={shownImages * (originals?.width ?? 28)}
				height={2 * (originals?.height ?? 28)}
				role="img"
				aria-label={`${name}: ${shownImages} test images over their reconstructions${nmse === undefined ? "" : `; error ${nmse.toPrecision(2)}`}`}
			/>
			<UseBars counts={latest?.counts} name={name} />
		</section>
	);
}

function drawStrip(element: HTMLCanvasElement, upper: Pictures | undefined, lower: Pictures | undefined): void {
	const context = element.getContext("2d");
	for (let i = 0; i < shownImages; i++) {
		if (upper !== undefined) context?.putImageData(toImageData(upper, i), i * upper.width, 0);
		if (lower !== undefined) context?.putImageData(toImageData(lower, i), i * lower.width, lower.height);
	}
}

/** How often each code occurs, the most frequent first; heights are square roots, so that rare codes can be seen. */
function UseBars({ counts, name }: { readonly counts: Uint32Array | undefined; readonly name: string }) {
	if (counts === undefined) return null;
	const sorted = Array.from(counts).sort((x, y) => y - x);
	const most = Math.max(1, sorted[0] ?? 1);
	const used = sorted.filter((count) => count > 0).length;
	const path = sorted
		.map((count, i) => (count === 0 ? "" : `M${i} 1v${(-Math.sqrt(count / most)).toFixed(4)}h0.9V1z`))
		.join("");
	const total = sorted.reduce((sum, count) => sum + count, 0);
	return (
		<figure class="use-bars">
			<svg
				viewBox={`0 0 ${sorted.length} 1`}
				preserveAspectRatio="none"
				role="img"
				aria-label={`${name}: ${used} of ${sorted.length} codes occur on these test images; the most frequent is ${Math.round((100 * most) / Math.max(1, total))} % of them`}
			>
				<path d={path} />
			</svg>
			<figcaption>
				<span data-figure={`used-${name}`}>{used}</span> of {sorted.length} codes occur, the most frequent at{" "}
				{Math.round((100 * most) / Math.max(1, total))} % of all positions (height: square root of the share)
			</figcaption>
		</figure>
	);
}

function Curves({ view: { a, b } }: { readonly view: ComparisonView }) {
	const version = comparisonVersion.value;
	const columns = (i: number) =>
		joinCurves(
			a.curves.training.steps,
			a.curves.training.columns[i] as number[],
			b.curves.training.steps,
			b.curves.training.columns[i] as number[],
		);
	const last = (model: ComparedModel, i: number) =>
		model.curves.training.columns[i]?.at(-1)?.toPrecision(3) ?? "none yet";
	return (
		<div class="charts">
			<Chart
				title="Error of the batch (NMSE)"
				xLabel="step"
				series={series}
				data={columns(0)}
				version={version}
				logarithmic
				summary={`A: ${last(a, 0)}, B: ${last(b, 0)}.`}
			/>
			<Chart
				title="Perplexity of the batch's codes"
				xLabel="step"
				series={series}
				data={columns(1)}
				version={version}
				summary={`A: ${last(a, 1)}, B: ${last(b, 1)}.`}
			/>
		</div>
	);
}

/** The two in numbers, on all test images once both have paused. */
function Verdict({ a, b }: { readonly a: ComparedModel; readonly b: ComparedModel }) {
	const [left, right] = [a.latest, b.latest];
	if (left?.test === undefined || right?.test === undefined) return null;
	const [x, y] = [left.evaluation, right.evaluation];
	const rows: [string, (side: CompareSide) => string][] = [
		["Error (NMSE)", ({ evaluation, test }) => formatNumber((evaluation ?? test)?.nmse, 3)],
		["PSNR in dB", ({ evaluation, test }) => formatNumber((evaluation ?? test)?.psnr, 4)],
		["Perplexity", ({ evaluation, test }) => formatNumber((evaluation ?? test)?.perplexity, 3)],
		["Codes in use", ({ evaluation, test }) => formatNumber((evaluation ?? test)?.codesInUse, 4)],
		["Bits per image", ({ evaluation }) => formatNumber(evaluation?.bits, 3)],
		["Step", ({ step }) => String(step)],
	];
	return (
		<>
			{x !== undefined && y !== undefined && (
				<p data-figure="verdict">
					<strong>{sentence(x, y, a.settings, b.settings)}</strong>
				</p>
			)}
			<table class="verdict">
				<caption>
					{x === undefined ? "On some test images, while both train" : `On all ${x.images} test images`}
				</caption>
				<thead>
					<tr>
						<td />
						<th scope="col">A</th>
						<th scope="col">B</th>
					</tr>
				</thead>
				<tbody>
					{rows.map(([name, value]) => (
						<tr key={name}>
							<th scope="row">{name}</th>
							<td>{value(left)}</td>
							<td>{value(right)}</td>
						</tr>
					))}
				</tbody>
			</table>
		</>
	);
}

function sentence(x: Evaluation, y: Evaluation, a: Settings, b: Settings): string {
	const of = ({ codesInUse }: Evaluation, settings: Settings) => `${codesInUse} of ${codesOf(settings)} codes`;
	const ratio = y.nmse / x.nmse;
	const compared = !Number.isFinite(ratio)
		? "the errors cannot be compared"
		: Math.abs(ratio - 1) < 0.02
			? "their errors are alike"
			: ratio < 1
				? `B's error is ${formatNumber(1 / ratio, 2)} times smaller`
				: `B's error is ${formatNumber(ratio, 2)} times larger`;
	return `A uses ${of(x, a)}, B uses ${of(y, b)}; ${compared}.`;
}
