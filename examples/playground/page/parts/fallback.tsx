import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { showError } from "../actions.js";
import { formatCount } from "../formats.js";
import { codebook, pointedCode, test } from "../store.js";
import { Card } from "./card.js";
import { Chart, type ChartSeries } from "./chart.js";
import { CodeGrid } from "./code_grid.js";
import { CodeTable, columnsFor, describeUse } from "./code_table.js";
import { joinCurves } from "./curves.js";
import { type Figure, Figures } from "./figures.js";
import { browsers, helpForThisBrowser, type Missing } from "./missing.js";
import { Pixels } from "./pixels.js";
import { loadRecordedRun, type RecordedRun, showMoment } from "./recorded_run.js";
import { Strip } from "./strip.js";
import "./fallback.css";

/** Milliseconds between two moments. */
const interval = 300;
/** Test images whose codes are shown. */
const shownCodes = 3;

const series: readonly ChartSeries[] = [
	{ label: "batch", colour: "--curve-1" },
	{ label: "test", colour: "--curve-2" },
];

/** What is missing, how to turn it on, and a recorded run. */
export function Fallback({ missing }: { readonly missing: Missing }) {
	return (
		<>
			<Card id="missing" title="This page cannot train here" wide>
				<p role="alert">
					<strong>{missing.what}</strong> {missing.advice}
				</p>
				{missing.isBrowser && <Help />}
				<div class="row">
					<button type="button" class="primary" onClick={() => location.reload()}>
						Try again
					</button>
				</div>
			</Card>
			<Card
				id="recorded"
				title="A recorded run"
				wide
				lead="This is what the page does on a machine that can train. It was recorded with the page's own code and the default settings."
			>
				<Recorded />
			</Card>
		</>
	);
}

function Help() {
	const mine = helpForThisBrowser();
	const others = browsers.filter((browser) => browser !== mine);
	return (
		<>
			{mine !== undefined && <Steps steps={mine.steps} title={`In ${mine.name}`} />}
			<details class="options">
				<summary>{mine === undefined ? "How to turn it on" : "In other browsers"}</summary>
				{others.map(({ name, steps }) => (
					<Steps key={name} steps={steps} title={name} />
				))}
			</details>
		</>
	);
}

function Steps({ title, steps }: { readonly title: string; readonly steps: readonly string[] }) {
	return (
		<>
			<h3>{title}</h3>
			<ul class="steps">
				{steps.map((text) => (
					<li key={text}>{text}</li>
				))}
			</ul>
		</>
	);
}

function Recorded() {
	const loaded = useSignal<RecordedRun | undefined>(undefined);
	const index = useSignal(0);
	const isPlaying = useSignal(false);
	useEffect(() => {
		loadRecordedRun()
			.then((run) => {
				const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
				loaded.value = run;
				index.value = still ? run.recording.moments.length - 1 : 0;
				isPlaying.value = !still;
			})
			.catch(showError);
	}, []);
	const last = (loaded.value?.recording.moments.length ?? 1) - 1;
	useEffect(() => {
		if (!isPlaying.value) return;
		const timer = setInterval(() => {
			if (index.value < last) index.value += 1;
			else isPlaying.value = false;
		}, interval);
		return () => clearInterval(timer);
	}, [isPlaying.value, last]);
	useEffect(() => {
		if (loaded.value !== undefined) showMoment(loaded.value, index.value);
	}, [loaded.value, index.value]);
	if (loaded.value === undefined) return <p class="hint">Loading the recorded run …</p>;
	const { recording } = loaded.value;
	const play = () => {
		if (!isPlaying.value && index.value === last) index.value = 0;
		isPlaying.value = !isPlaying.value;
	};
	const moment = recording.moments[index.value];
	return (
		<>
			<div class="row">
				<button type="button" class="primary" onClick={play}>
					{isPlaying.value ? "Pause" : index.value === last ? "Play again" : "Play"}
				</button>
				<input
					type="range"
					class="moment"
					min={0}
					max={last}
					value={index.value}
					aria-label="Moment of the recorded run"
					aria-valuetext={`step ${moment?.step}`}
					onInput={(event) => {
						isPlaying.value = false;
						index.value = Number(event.currentTarget.value);
					}}
				/>
				<span data-figure="moment">step {formatCount(moment?.step)}</span>
			</div>
			<TestFigures run={loaded.value} />
			<Strip />
			<Curves run={loaded.value} index={index.value} />
			<End run={loaded.value} />
			<p class="hint">
				Recorded on {recording.adapter} with Tessera {recording.library}, {recording.date.slice(0, 10)}:{" "}
				{recording.run.codes} codes, {formatCount(recording.run.images.count)} digits drawn by the page.
			</p>
		</>
	);
}

function TestFigures({ run: { recording } }: { readonly run: RecordedRun }) {
	const { nmse = 0, psnr = 0, perplexity = 0, codesInUse = 0 } = test.value ?? {};
	const figures: Figure[] = [
		["Test error (NMSE)", nmse.toPrecision(3)],
		["PSNR", `${psnr.toFixed(1)} dB`],
		["Perplexity", perplexity.toFixed(1)],
		["Codes in use", `${codesInUse} of ${recording.run.codes}`],
	];
	return <Figures figures={figures} />;
}

/** The curves up to a moment. */
function Curves({ run: { recording }, index }: { readonly run: RecordedRun; readonly index: number }) {
	const { moments, training } = recording;
	const until = moments[index]?.step ?? 0;
	const length = training.steps.filter((step) => step <= until).length;
	const seen = moments.slice(0, index + 1);
	const data = (of: "nmse" | "perplexity") =>
		joinCurves(
			training.steps.slice(0, length),
			training[of].slice(0, length),
			seen.map(({ step }) => step),
			seen.map((moment) => moment[of]),
		);
	const { nmse = 0, perplexity = 0 } = moments[index] ?? {};
	return (
		<div class="charts">
			<Chart
				title="Error (NMSE)"
				xLabel="step"
				series={series}
				data={data("nmse")}
				version={index}
				logarithmic
				summary={`${nmse.toPrecision(3)} on test images at step ${until}.`}
			/>
			<Chart
				title="Perplexity of the codes"
				xLabel="step"
				series={series}
				data={data("perplexity")}
				version={index}
				summary={`${perplexity.toFixed(1)} at step ${until}.`}
			/>
		</div>
	);
}

/** The codebook and the codes of some digits at the end of the run. */
function End({ run: { recording, originals, reconstructions } }: { readonly run: RecordedRun }) {
	const chosen = useSignal(0);
	const { value: view } = codebook;
	const { grid, codes } = recording.run;
	const area = grid[0] * grid[1];
	return (
		<div class="recorded-end">
			<div>
				<h3>The codebook at the end</h3>
				<CodeTable
					view={view}
					columns={columnsFor(codes)}
					label="Codes of the recorded run"
					pointed={pointedCode.value}
					chosen={chosen.value}
					onPoint={(code) => {
						pointedCode.value = code;
					}}
					onChoose={(code) => {
						chosen.value = code;
					}}
				/>
				<p class="hint">
					{pointedCode.value === undefined
						? `Each square is one of the ${codes} codes, drawn by the decoder.`
						: `This is ${describeUse(view, pointedCode.value)}.`}
				</p>
			</div>
			<div>
				<h3>Digits, their codes, and what the decoder draws from these</h3>
				{Array.from({ length: shownCodes }, (_, i) => (
					<div key={i} class="coded">
						<Pixels pictures={originals} index={i} class="large" label={`Test digit ${i + 1}`} />
						<CodeGrid
							codes={Uint32Array.from(recording.codes.slice(i * area, (i + 1) * area))}
							grid={grid}
							levels={1}
							label={`Codes of test digit ${i + 1}`}
							onPoint={(code) => {
								pointedCode.value = code;
							}}
						/>
						<Pixels pictures={reconstructions.at(-1)} index={i} class="large" label={`Test digit ${i + 1}, decoded`} />
					</div>
				))}
			</div>
		</div>
	);
}
