import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { continueRun, linkTo, showError } from "../actions.js";
import { copyText } from "../clipboard.js";
import { download } from "../download.js";
import { formatBytes, formatCount, formatDuration, formatNumber } from "../formats.js";
import { Card } from "../parts/card.js";
import { Chart, type ChartSeries } from "../parts/chart.js";
import { joinCurves } from "../parts/curves.js";
import { describeDifferences } from "../parts/differences.js";
import { type Figure, Figures } from "../parts/figures.js";
import { RateDistortion } from "../parts/rate_distortion.js";
import { toJson } from "../run_file.js";
import { runsOfOtherTabs } from "../run_lock.js";
import { forgetStored, save } from "../saving.js";
import { type Curves, isReady, isTraining, machine, run } from "../store.js";
import {
	changeRun,
	deleteRuns,
	loadCurves,
	recordVersion,
	type StoredRun,
	storageProblem,
	storageUse,
	storedRuns,
} from "../stored_runs.js";
import "./runs.css";

const series: readonly ChartSeries[] = [
	{ label: "first", colour: "--curve-1" },
	{ label: "second", colour: "--curve-2", dashed: true },
];

/** The runs that this browser keeps. */
export function Runs() {
	const chosen = useSignal<readonly string[]>([]);
	const asksForAll = useSignal(false);
	const runs = storedRuns.value;
	const compared = chosen.value.flatMap((id) => runs.find((each) => each.id === id) ?? []);
	const remove = async (ids: readonly string[]) => {
		const elsewhere = await runsOfOtherTabs(ids);
		const free = ids.filter((id) => !elsewhere.has(id));
		forgetStored(free);
		await deleteRuns(free);
		if (elsewhere.size > 0) throw new Error("A run that is open in another tab was not deleted: close that tab first.");
	};
	return (
		<Card
			id="runs"
			title="Runs"
			wide
			lead="This browser stores the run above automatically, with its weights and curves: while it trains, when it pauses, and when the tab is hidden. It goes on after a reload."
		>
			{storageProblem.value !== undefined && (
				<p class="problem" role="alert">
					{storageProblem.value}
				</p>
			)}
			<div class="row">
				<button type="button" disabled={!isReady.value} onClick={() => save({ asked: true }).catch(showError)}>
					Store the run now
				</button>
				{asksForAll.value ? (
					<>
						<button
							type="button"
							class="danger"
							onClick={() => {
								asksForAll.value = false;
								remove(runs.map(({ id }) => id)).catch(showError);
							}}
						>
							Yes, delete all {runs.length}
						</button>
						<button type="button" onClick={() => (asksForAll.value = false)}>
							No
						</button>
					</>
				) : (
					<button type="button" disabled={runs.length === 0} onClick={() => (asksForAll.value = true)}>
						Delete all
					</button>
				)}
				<span class="hint">
					{runs.length} {runs.length === 1 ? "run" : "runs"}
					{storageUse.value === undefined ? "" : `, ${formatBytes(storageUse.value)} of this browser's storage`}
				</span>
			</div>
			<ul class="runs">
				{runs.map((stored) => (
					<RunItem
						key={stored.id}
						stored={stored}
						isChosen={chosen.value.includes(stored.id)}
						onChoose={(isChosen) => {
							const others = chosen.value.filter((id) => id !== stored.id);
							chosen.value = isChosen ? [...others, stored.id].slice(-2) : others;
						}}
						onDelete={() => remove([stored.id]).catch(showError)}
					/>
				))}
			</ul>
			{compared.length === 1 && <p class="hint">Choose a second run to compare the two.</p>}
			{compared[0] !== undefined && compared[1] !== undefined && (
				<TwoRuns first={compared[0]} second={compared[1]} key={chosen.value.join()} />
			)}
			<RateDistortion />
		</Card>
	);
}

interface RunItemProps {
	readonly stored: StoredRun;
	readonly isChosen: boolean;
	readonly onChoose: (isChosen: boolean) => void;
	readonly onDelete: () => void;
}

function RunItem({ stored, isChosen, onChoose, onDelete }: RunItemProps) {
	const { id, name, settings, step, milliseconds, evaluation, updated, version } = stored;
	const said = useSignal("");
	const newName = useSignal<string | undefined>(undefined);
	const isShown = run.value?.id === id;
	const figures: Figure[] = [
		["Steps", formatCount(step)],
		["NMSE", formatNumber(evaluation?.nmse, 3)],
		["PSNR", evaluation === undefined ? "–" : `${formatNumber(evaluation.psnr, 3)} dB`],
		["Perplexity", formatNumber(evaluation?.perplexity, 3)],
		["Bits per image", formatNumber(evaluation?.bits, 3)],
		["Time", formatDuration(milliseconds)],
	];
	const rename = (event: Event) => {
		event.preventDefault();
		const text = newName.value?.trim();
		newName.value = undefined;
		if (text !== undefined && text !== "") changeRun(id, { name: text }).catch(showError);
	};
	const copyLink = async () => {
		const link = linkTo(settings);
		said.value = (await copyText(link)) ? "Link copied." : link;
	};
	const saveJson = async () => {
		const curves = await loadCurves(id);
		const text = toJson({ name, settings, step, milliseconds, evaluation, curves, machine: machine.value });
		download(`run-${safe(name)}.json`, text, "application/json");
	};
	return (
		<li class={isShown ? "shown" : ""} data-run={id}>
			{newName.value === undefined ? (
				<h3>
					<label class="check">
						<input type="checkbox" checked={isChosen} onChange={(event) => onChoose(event.currentTarget.checked)} />
						<span>{name}</span>
					</label>
					{isShown && <span class="badge">shown above</span>}
				</h3>
			) : (
				<form class="row" onSubmit={rename}>
					<label>
						Name{" "}
						<input
							value={newName.value}
							maxLength={80}
							autocomplete="off"
							onInput={(event) => (newName.value = event.currentTarget.value)}
						/>
					</label>
					<button type="submit">Rename</button>
					<button type="button" onClick={() => (newName.value = undefined)}>
						Cancel
					</button>
				</form>
			)}
			<p class="run-settings">
				{describeDifferences(settings)} ·{" "}
				{new Date(updated).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}
				{stored.data !== undefined && ` · ${stored.data.count} images of your own (${stored.data.name})`}
			</p>
			<Figures figures={figures} />
			<div class="row">
				<button
					type="button"
					class="quiet"
					disabled={!isReady.value || (isShown && isTraining.value) || version !== recordVersion}
					onClick={() => continueRun(stored).catch(showError)}
				>
					Continue
				</button>
				<button type="button" class="quiet" onClick={copyLink}>
					Copy link
				</button>
				<button type="button" class="quiet" onClick={() => saveJson().catch(showError)}>
					JSON
				</button>
				<button type="button" class="quiet" onClick={() => (newName.value = name)}>
					Rename
				</button>
				<button type="button" class="quiet" onClick={onDelete}>
					Delete
				</button>
				<span class="hint" aria-live="polite">
					{version === recordVersion ? said.value : "Stored by another version of this page: its link begins it again."}
				</span>
			</div>
		</li>
	);
}

/** A name that every file system accepts. */
function safe(name: string): string {
	return name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
}

/** The curves of two runs over each other. */
function TwoRuns({ first, second }: { readonly first: StoredRun; readonly second: StoredRun }) {
	const loaded = useSignal<readonly [Curves, Curves] | undefined>(undefined);
	useEffect(() => {
		Promise.all([loadCurves(first.id), loadCurves(second.id)])
			.then(([a, b]) => {
				if (a !== undefined && b !== undefined) loaded.value = [a, b];
			})
			.catch(showError);
	}, [first.id, second.id, first.step, second.step]);
	if (loaded.value === undefined) return null;
	const [a, b] = loaded.value;
	const columns = (i: number) =>
		joinCurves(
			a.training.steps,
			a.training.columns[i] as number[],
			b.training.steps,
			b.training.columns[i] as number[],
		);
	const summary = (part: "nmse" | "perplexity") =>
		`First: ${formatNumber(first.evaluation?.[part], 3)}, second: ${formatNumber(second.evaluation?.[part], 3)} on the test images.`;
	return (
		<section aria-labelledby="two-runs">
			<h3 id="two-runs">
				First: {first.name}. Second: {second.name}, with {describeDifferences(second.settings, first.settings)}.
			</h3>
			<div class="charts">
				<Chart
					title="Error of the batch (NMSE)"
					xLabel="step"
					series={series}
					data={columns(0)}
					version={loaded.value}
					logarithmic
					summary={summary("nmse")}
				/>
				<Chart
					title="Perplexity of the batch's codes"
					xLabel="step"
					series={series}
					data={columns(1)}
					version={loaded.value}
					summary={summary("perplexity")}
				/>
			</div>
		</section>
	);
}
