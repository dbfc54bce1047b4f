import { useSignal } from "@preact/signals";
import { levelsOf } from "../../shared/settings.js";
import { getTrainsWhileHidden, setTrainsWhileHidden, showError, startRun, togglePlay } from "../actions.js";
import { engine } from "../engine.js";
import { formatCount, formatDuration } from "../formats.js";
import { Card } from "../parts/card.js";
import { Chart, type ChartSeries } from "../parts/chart.js";
import { joinCurves } from "../parts/curves.js";
import { type Figure, Figures } from "../parts/figures.js";
import { SettingsForm } from "../parts/settings_form.js";
import { Strip } from "../parts/strip.js";
import {
	curves,
	curvesVersion,
	imagesPerSecond,
	isReady,
	isTraining,
	machine,
	run,
	seconds,
	session,
	settings,
	step,
	test,
} from "../store.js";

const speeds = [
	{ value: 0, label: "as fast as it can" },
	{ value: 16, label: "16 steps a second" },
	{ value: 4, label: "4 steps a second" },
	{ value: 1, label: "1 step a second" },
];

const batchAndTest: readonly ChartSeries[] = [
	{ label: "batch", colour: "--curve-1" },
	{ label: "test", colour: "--curve-2" },
];
const lossSeries: readonly ChartSeries[] = [{ label: "loss", colour: "--curve-4" }];

export function Train() {
	return (
		<Card id="train" title="Train" wide lead={<Lead />}>
			<Controls />
			<RunFigures />
			<Strip />
			<Curves />
			<Options />
		</Card>
	);
}

function Lead() {
	const { images, dataName, grid, levels, codes } = run.value ?? {};
	if (images === undefined || grid === undefined) return <>The network is being made ready.</>;
	const positions = `${grid[0]} × ${grid[1]}${levels === 1 ? "" : ` × ${levels}`}`;
	return (
		<>
			A network turns each {images.width} × {images.height} image into {positions} codes out of {codes}, and draws it
			again from these codes alone. It trains in this tab, on {formatCount(images.count)} images ({dataName}
			). Upper rows: test images. Below them: their reconstructions.
		</>
	);
}

function Controls() {
	const off = !isReady.value;
	return (
		<div class="row" role="toolbar" aria-label="Training">
			<button type="button" class="primary" disabled={off} onClick={togglePlay}>
				{isTraining.value ? "Pause" : "Play"}
			</button>
			<button type="button" disabled={off} onClick={() => engine.session.stepOnce().catch(showError)}>
				One step
			</button>
			<button type="button" disabled={off} onClick={() => startRun(settings.value)}>
				Restart
			</button>
			<label>
				Speed{" "}
				<select
					value={String(session.value.speed)}
					onChange={(event) => engine.session.setSpeed(Number(event.currentTarget.value)).catch(showError)}
				>
					{speeds.map(({ value, label }) => (
						<option key={value} value={String(value)}>
							{label}
						</option>
					))}
				</select>
			</label>
		</div>
	);
}

function RunFigures() {
	const { nmse, psnr, perplexity, codesInUse } = test.value ?? {};
	const total = run.value?.codes;
	const figures: Figure[] = [
		["Step", formatCount(step.value), "step"],
		["Time", formatDuration(1000 * seconds.value), "time"],
		["Images a second", imagesPerSecond.value > 0 ? formatCount(Math.round(imagesPerSecond.value)) : "–", "rate"],
		["Test error (NMSE)", nmse === undefined ? "–" : nmse.toPrecision(3), "nmse"],
		["PSNR", psnr === undefined ? "–" : `${psnr.toFixed(1)} dB`, "psnr"],
		["Perplexity", perplexity === undefined ? "–" : perplexity.toFixed(1), "perplexity"],
		["Codes in use", codesInUse === undefined ? "–" : `${codesInUse} of ${total ?? "–"}`, "codes-in-use"],
	];
	return <Figures figures={figures} />;
}

function Curves() {
	const version = curvesVersion.value;
	const { training, test: tests } = curves;
	const columns = (i: number) =>
		joinCurves(training.steps, training.columns[i] as number[], tests.steps, tests.columns[i] as number[]);
	const { nmse, perplexity } = test.value ?? {};
	return (
		<div class="charts">
			<Chart
				title="Error (NMSE)"
				xLabel="step"
				series={batchAndTest}
				data={columns(0)}
				version={version}
				logarithmic
				summary={nmse === undefined ? "No step yet." : `${nmse.toPrecision(3)} on test images at step ${step.value}.`}
			/>
			<Chart
				title="Perplexity of the codes"
				xLabel="step"
				series={batchAndTest}
				data={columns(1)}
				version={version}
				summary={perplexity === undefined ? "No step yet." : `${perplexity.toFixed(1)} at step ${step.value}.`}
			/>
			<Chart
				title="Loss"
				xLabel="step"
				series={lossSeries}
				data={[training.steps, training.columns[2] as number[]]}
				version={version}
				logarithmic
				summary={`${training.columns[2]?.at(-1)?.toPrecision(3) ?? "None"} at step ${step.value}.`}
			/>
		</div>
	);
}

function Options() {
	const isOpen = useSignal(false);
	const levels = levelsOf(settings.value);
	return (
		<details class="options" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
			<summary>
				Settings: {settings.value.quantizer}, {run.value?.codes} codes
				{levels > 1 ? ` × ${levels} levels` : ""}, seed {settings.value.seed}
			</summary>
			{isOpen.value && (
				<>
					<SettingsForm />
					<label class="check">
						<input
							type="checkbox"
							checked={getTrainsWhileHidden()}
							onChange={(event) => setTrainsWhileHidden(event.currentTarget.checked)}
						/>{" "}
						Go on training while this tab is hidden
					</label>
					{machine.value?.software === true && (
						<p class="hint">
							This browser computes on the CPU ({machine.value.adapter}): smaller batches and fewer channels are faster.
						</p>
					)}
				</>
			)}
		</details>
	);
}
