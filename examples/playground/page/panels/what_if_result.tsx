import type { CompareSide, Evaluation, Pictures } from "../../shared/frames.js";
import { codesOf, type Settings } from "../../shared/settings.js";
import {
	type ComparedModel,
	type ComparisonView,
	comparisonBusy,
	comparisonVersion,
	continueComparison,
	continueWith,
	endComparison,
	pauseComparison,
} from "../comparison.js";
import { formatCount, formatNumber } from "../formats.js";
import { Chart, type ChartSeries } from "../parts/chart.js";
import { joinCurves } from "../parts/curves.js";
import { describeDifferences } from "../parts/differences.js";
import { toImageData } from "../parts/pixels.js";
import { isReady, session, step } from "../store.js";

/** Test images of each model that are shown. */
const shownImages = 8;

const series: readonly ChartSeries[] = [
	{ label: "A", colour: "--curve-1" },
	{ label: "B", colour: "--curve-2", dashed: true },
];

interface ComparedProps {
	readonly view: ComparisonView;
	readonly steps: number;
}

/** Two models in training or paused: pictures, use of codes, curves and numbers. */
export function Compared({ view, steps }: ComparedProps) {
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
						: "Waiting for the worker …"
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
