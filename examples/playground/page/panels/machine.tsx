import { signal, useSignal } from "@preact/signals";
import { repositoryAddress } from "../../../../docs/site/repository.js";
import {
	adapterName,
	type BenchmarkResult,
	type BenchmarkRow,
	type BenchmarkState,
	browserName,
	inOneLine,
	milliseconds,
	type Times,
	threeDigits,
} from "../../shared/benchmark.js";
import { showError } from "../actions.js";
import { copyText } from "../clipboard.js";
import { download } from "../download.js";
import { engine } from "../engine.js";
import { formatCount } from "../formats.js";
import { Card } from "../parts/card.js";
import { isReady, machine, onEvent, session } from "../store.js";
import "./machine.css";

const state = signal<BenchmarkState | undefined>(undefined);
onEvent((event) => {
	if (event.kind === "benchmark") state.value = event.state;
});

const repository = repositoryAddress(TESSERA_REPOSITORY);

/** Seconds for each row. */
const budgets = [
	{ budget: 1.2, label: "about 20 seconds" },
	{ budget: 0.2, label: "a few seconds, less exact" },
];

export function MachinePanel() {
	return (
		<Card
			id="machine"
			title="The machine"
			lead="The adapter that computes here, and its speed. Training pauses while the benchmark runs. Its result is a file that you can keep or share; the page sends nothing."
		>
			<Facts />
			<Run />
			<Rows />
			<Result />
		</Card>
	);
}

function Facts() {
	const { value } = machine;
	if (value === undefined) return <p class="hint">No device is open yet.</p>;
	const { adapter, vendor, architecture, software, features, limits } = value;
	const facts: [string, string][] = [
		["Adapter", adapter],
		["Vendor", vendor || "not told by the browser"],
		["Architecture", architecture || "not told by the browser"],
		["Computes on", software ? "the CPU" : "a GPU"],
		["Browser", browserName(navigator.userAgent)],
	];
	return (
		<>
			<dl class="facts">
				{facts.map(([name, text]) => (
					<div key={name}>
						<dt>{name}</dt>
						<dd>{text}</dd>
					</div>
				))}
			</dl>
			<details class="options">
				<summary>Features and limits of the device</summary>
				<p class="hint">{features.join(", ") || "No optional features."}</p>
				<dl class="facts limits">
					{Object.entries(limits).map(([name, limit]) => (
						<div key={name}>
							<dt>{name}</dt>
							<dd>{formatCount(limit)}</dd>
						</div>
					))}
				</dl>
			</details>
		</>
	);
}

function Run() {
	const compare = useSignal(false);
	const budget = useSignal(budgets[0]?.budget ?? 1);
	const isRunning = state.value?.now !== undefined;
	const isFree = isReady.value && [undefined, "train"].includes(session.value.activity);
	if (isRunning) {
		const { done, total, now, rows } = state.value as BenchmarkState;
		return (
			<div class="row" role="status">
				<progress max={total} value={done} aria-label="Benchmark" />
				<span>
					{now} ({Math.min(total, done + 1)} of {total})
				</span>
				<button type="button" class="quiet" onClick={() => engine.benchmark.cancel().catch(showError)}>
					Stop{rows.length > 0 ? " after this one" : ""}
				</button>
			</div>
		);
	}
	return (
		<>
			<div class="row">
				<button
					type="button"
					class="primary"
					disabled={!isFree}
					onClick={() => engine.benchmark.start({ compare: compare.value, budget: budget.value }).catch(showError)}
				>
					Run the benchmark
				</button>
				<label>
					Time{" "}
					<select
						value={String(budget.value)}
						onChange={(event) => {
							budget.value = Number(event.currentTarget.value);
						}}
					>
						{budgets.map(({ budget: seconds, label }) => (
							<option key={label} value={String(seconds)}>
								{label}
							</option>
						))}
					</select>
				</label>
			</div>
			<label class="check">
				<input
					type="checkbox"
					checked={compare.value}
					onChange={(event) => {
						compare.value = event.currentTarget.checked;
					}}
				/>
				Compare with TensorFlow.js, measured alternately on the same device: it is loaded from this site, and takes
				longer{machine.value?.software === true ? ", minutes on a CPU" : ""}
			</label>
			<p class="hint">
				It measures the nearest-code search, the convolutions of the network and a training step. Times are medians of
				repeated calls, each until the GPU has finished.
			</p>
		</>
	);
}

function Rows() {
	const { rows = [] } = state.value ?? {};
	if (rows.length === 0) return null;
	const isCompared = rows.some(({ tfjs, note }) => tfjs !== null || note !== null);
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
		<section class="wide-table" tabIndex={0} aria-label="Times of the benchmark">
			<table>
				<thead>
					<tr>
						<th scope="col">What</th>
						<th scope="col">Tessera</th>
						<th scope="col">GFLOP/s</th>
						{isCompared && <th scope="col">tfjs</th>}
						{isCompared && <th scope="col">Ratio</th>}
					</tr>
				</thead>
				<tbody>
					{rows.map((row) => (
						<Row key={row.name} row={row} isCompared={isCompared} />
					))}
				</tbody>
			</table>
		</section>
	);
}

function Row({ row, isCompared }: { readonly row: BenchmarkRow; readonly isCompared: boolean }) {
	const { name, kind, what, gflops, ours, tfjs, ratio, agrees, note } = row;
	return (
		<tr>
			<th scope="row">
				{kind}
				{kind === "convolution" ? ` ${name}` : ""}
				<small>
					{what}
					{tfjs === null && note !== null ? `; tfjs: ${note}` : ""}
					{agrees === false ? "; the results differ" : ""}
				</small>
			</th>
			<td>
				<TimesCell times={ours} />
			</td>
			<td>{gflops === null ? "–" : threeDigits(gflops)}</td>
			{isCompared && <td>{tfjs === null ? "–" : <TimesCell times={tfjs} />}</td>}
			{isCompared && <td>{ratio === null ? "–" : `${threeDigits(ratio)}×`}</td>}
		</tr>
	);
}

function TimesCell({ times: { median, minimum, runs } }: { readonly times: Times }) {
	return (
		<>
			{milliseconds(median)}
			<small>
				least {milliseconds(minimum)}, {runs} {runs === 1 ? "run" : "runs"}
			</small>
		</>
	);
}

function Result() {
	const copied = useSignal<string | undefined>(undefined);
	const { result } = state.value ?? {};
	if (result === undefined) return null;
	const { before, after } = result.ceiling;
	const line = inOneLine(result);
	const copy = async () => {
		copied.value = (await copyText(line)) ? "Copied." : "The browser does not allow copying: select the line above.";
	};
	return (
		<>
			<p data-figure="ceiling">
				Ceiling of this adapter, measured before and after: {threeDigits(before.gflops)} and {threeDigits(after.gflops)}{" "}
				GFLOP/s in registers; {threeDigits(before.bandwidth)} and {threeDigits(after.bandwidth)} GB/s of a copy. If they
				are far apart, something else used the machine.
			</p>
			<output class="line" data-figure="benchmark-line">
				{line}
			</output>
			<div class="row">
				<button type="button" onClick={copy}>
					Copy this line
				</button>
				<button
					type="button"
					onClick={() =>
						download(`${fileName(result)}.playground.json`, JSON.stringify(result, null, "\t"), "application/json")
					}
				>
					Download the JSON file
				</button>
				<span role="status">{copied.value ?? ""}</span>
			</div>
			<p class="hint">
				Numbers from other machines are welcome, from GPUs most of all. Post the line or the file as{" "}
				{repository === undefined ? (
					"an issue of the Tessera repository"
				) : (
					<a href={`${repository}/issues/new`}>an issue of the Tessera repository</a>
				)}
				, or add the file to <code>bench/results/</code>.
			</p>
		</>
	);
}

/** As the files of bench/results/ are named. */
function fileName({ adapter }: BenchmarkResult): string {
	return adapterName(adapter)
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-|-$/g, "");
}
