import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Evaluation } from "../../shared/frames.js";
import { codesOf } from "../../shared/settings.js";
import { showError } from "../actions.js";
import { formatCount, formatNumber } from "../formats.js";
import { queue, trainPoint } from "../point_queue.js";
import { isReady, machine, run, settings } from "../store.js";
import { type StoredRun, storedRuns } from "../stored_runs.js";
import { describeDifferences } from "./differences.js";

/** Of the picture, in pixels. */
const height = 320;
const edges = { left: 52, right: 16, top: 14, bottom: 44 };

interface Point {
	readonly stored: StoredRun;
	readonly evaluation: Evaluation;
	/** K × D, or the levels of FSQ. */
	readonly label: string;
}

function pointsOf(runs: readonly StoredRun[]): readonly Point[] {
	return runs
		.flatMap((stored) => {
			const { evaluation, settings } = stored;
			if (evaluation === undefined || !Number.isFinite(evaluation.psnr)) return [];
			const { quantizer, dim, levels } = settings;
			const label =
				quantizer === "fsq"
					? `FSQ ${levels.join(" × ")}`
					: `K ${codesOf(settings)}, D ${dim}${quantizer === "residual" ? `, ${levels[0]} levels` : ""}`;
			return [{ stored, evaluation, label }];
		})
		.sort((a, b) => a.evaluation.bits - b.evaluation.bits);
}

/** Each stored run as a point: how many bits an image takes, and how well it is reconstructed. */
export function RateDistortion() {
	const points = pointsOf(storedRuns.value);
	return (
		<section aria-labelledby="rate-distortion-title">
			<h3 id="rate-distortion-title">Rate and distortion</h3>
			<p class="hint">
				Each stored run is a point. To the right: bits of an image, which are the entropy of its codes (positions ×
				levels × log2 of the perplexity). Upwards: PSNR on the test images. The line to the right of a point ends at the
				bits that the codes would take if all were equally frequent (positions × levels × log2 K).
			</p>
			{points.length === 0 ? (
				<p class="hint">No run is stored yet: pause the run above, or train a point.</p>
			) : (
				<Plane points={points} />
			)}
			<Dials />
			{points.length > 0 && <PointTable points={points} />}
		</section>
	);
}

function Plane({ points }: { readonly points: readonly Point[] }) {
	const place = useRef<SVGSVGElement>(null);
	const wide = useSignal(640);
	useEffect(() => {
		const { current } = place;
		if (current === null) return;
		const sizes = new ResizeObserver(() => (wide.value = Math.max(200, current.clientWidth)));
		sizes.observe(current);
		return () => sizes.disconnect();
	}, []);
	const width = wide.value;
	const at = useSignal(0);
	const shown = useSignal<number | undefined>(undefined);
	const x = scale(
		points.flatMap(({ evaluation }) => [evaluation.bits, evaluation.mostBits]),
		[edges.left, width - edges.right],
		{ least: 0, ticks: width / 110 },
	);
	const y = scale(
		points.map(({ evaluation }) => evaluation.psnr),
		[height - edges.bottom, edges.top],
		{ ticks: 5 },
	);
	const move = (event: KeyboardEvent) => {
		const by = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length }[event.key];
		if (by === undefined) return;
		event.preventDefault();
		at.value = Math.min(points.length - 1, Math.max(0, at.value + by));
		place.current?.querySelectorAll<SVGElement>(".rd-point")[at.value]?.focus();
	};
	const told = points[shown.value ?? points.findIndex(({ stored }) => stored.id === run.value?.id)];
	const current = Math.min(at.value, points.length - 1);
	return (
		<div class="rd">
			{/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form */}
			<svg
				ref={place}
				viewBox={`0 0 ${width} ${height}`}
				role="group"
				aria-label={`${points.length} runs by bits per image and PSNR. Arrow keys move from run to run.`}
				onKeyDown={move}
			>
				{x.ticks.map((value) => (
					<g key={`x${value}`}>
						<line class="rd-grid" x1={x.at(value)} x2={x.at(value)} y1={edges.top} y2={height - edges.bottom} />
						<text x={x.at(value)} y={height - edges.bottom + 18} text-anchor="middle">
							{formatCount(value)}
						</text>
					</g>
				))}
				{y.ticks.map((value) => (
					<g key={`y${value}`}>
						<line class="rd-grid" x1={edges.left} x2={width - edges.right} y1={y.at(value)} y2={y.at(value)} />
						<text x={edges.left - 8} y={y.at(value) + 4} text-anchor="end">
							{formatNumber(value, 4)}
						</text>
					</g>
				))}
				<text x={(edges.left + width - edges.right) / 2} y={height - 6} text-anchor="middle">
					bits per image
				</text>
				<text x={14} y={height / 2} text-anchor="middle" transform={`rotate(-90 14 ${height / 2})`}>
					PSNR in dB
				</text>
				{points.map(({ evaluation: { bits, mostBits, psnr }, stored: { id } }) => (
					<line key={id} class="rd-bound" x1={x.at(bits)} x2={x.at(mostBits)} y1={y.at(psnr)} y2={y.at(psnr)} />
				))}
				{points.map((point, i) => {
					const { evaluation, stored } = point;
					return (
						// biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it has a focus for its label, and no action
						<circle
							key={stored.id}
							class={`rd-point ${stored.id === run.value?.id ? "shown" : ""}`}
							cx={x.at(evaluation.bits)}
							cy={y.at(evaluation.psnr)}
							r={point === told ? 8 : 6}
							tabIndex={i === current ? 0 : -1}
							role="img"
							aria-label={describe(point)}
							onFocus={() => {
								at.value = i;
								shown.value = i;
							}}
							onBlur={() => (shown.value = undefined)}
							onPointerEnter={() => (shown.value = i)}
							onPointerLeave={() => (shown.value = undefined)}
						/>
					);
				})}
			</svg>
			<p class="hint rd-told">{told === undefined ? "Point at a run to read its numbers." : describe(told)}</p>
		</div>
	);
}

function describe({ stored, evaluation: { bits, mostBits, psnr, perplexity, codesInUse }, label }: Point): string {
	return `${stored.name} (${label}; ${describeDifferences(stored.settings)}): ${formatNumber(bits, 3)} bits of at most ${formatNumber(mostBits, 3)}, PSNR ${formatNumber(psnr, 4)} dB, perplexity ${formatNumber(perplexity, 3)}, ${codesInUse} codes in use, step ${formatCount(stored.step)}.`;
}

/** A linear scale with round ticks around some values. */
function scale(
	values: readonly number[],
	[from, to]: readonly [number, number],
	{ least, ticks: wanted }: { readonly least?: number; readonly ticks: number },
) {
	const low = least ?? Math.min(...values);
	const high = Math.max(...values);
	const span = Math.max(high - low, 1);
	const rough = span / wanted;
	const power = 10 ** Math.floor(Math.log10(rough));
	const tick = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
	const first = Math.floor(low / tick) * tick;
	const last = Math.ceil((high + 1e-9) / tick) * tick;
	const ticks = Array.from({ length: Math.round((last - first) / tick) + 1 }, (_, i) => first + i * tick);
	return { ticks, at: (value: number) => from + ((value - first) / (last - first)) * (to - from) };
}

/** K and D as dials, and a button that trains a run with them. */
function Dials() {
	const k = useSignal(5);
	const d = useSignal(4);
	const steps = useSignal<number | undefined>(undefined);
	const count = steps.value ?? (machine.value?.software === true ? 150 : 600);
	const [codes, dim] = [2 ** k.value, 2 ** d.value];
	const base = settings.value;
	const quantizer = base.quantizer === "fsq" ? "ema" : base.quantizer;
	const [current, ...waiting] = queue.value;
	return (
		<>
			<div class="row dials">
				<label>
					Codes K{" "}
					<input
						type="range"
						min="1"
						max="10"
						value={k.value}
						aria-valuetext={`${codes} codes`}
						onInput={(event) => (k.value = Number(event.currentTarget.value))}
					/>
					<output>{codes}</output>
				</label>
				<label>
					Dimensions D{" "}
					<input
						type="range"
						min="0"
						max="6"
						value={d.value}
						aria-valuetext={`${dim} dimensions`}
						onInput={(event) => (d.value = Number(event.currentTarget.value))}
					/>
					<output>{dim}</output>
				</label>
				<label>
					Steps{" "}
					<select value={String(count)} onChange={(event) => (steps.value = Number(event.currentTarget.value))}>
						{[50, 150, 600, 2000].map((each) => (
							<option key={each} value={String(each)}>
								{formatCount(each)}
							</option>
						))}
					</select>
				</label>
				<button
					type="button"
					disabled={!isReady.value && queue.value.length === 0}
					onClick={() =>
						trainPoint({
							settings: { ...base, quantizer, codes, dim },
							steps: count,
							name: `K ${codes}, D ${dim}, ${count} steps`,
						}).catch(showError)
					}
				>
					Train this point
				</button>
			</div>
			<p class="hint" aria-live="polite">
				{current === undefined
					? "The point is trained as the run above, with its other settings, then stored. Several points are trained one after another."
					: `Trains: ${current.name}.${waiting.length === 0 ? "" : ` Then: ${waiting.map(({ name }) => name).join("; ")}.`} Pause ends this.`}
			</p>
		</>
	);
}

/** The same as a table. */
function PointTable({ points }: { readonly points: readonly Point[] }) {
	return (
		<details>
			<summary>The points as a table</summary>
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
			<section class="rd-table" tabIndex={0} aria-label="The points as a table">
				<table>
					<thead>
						<tr>
							<th scope="col">Run</th>
							<th scope="col">Quantizer</th>
							<th scope="col">Bits</th>
							<th scope="col">At most</th>
							<th scope="col">PSNR in dB</th>
							<th scope="col">Step</th>
						</tr>
					</thead>
					<tbody>
						{points.map(({ stored, evaluation, label }) => (
							<tr key={stored.id}>
								<th scope="row">{stored.name}</th>
								<td>{label}</td>
								<td>{formatNumber(evaluation.bits, 3)}</td>
								<td>{formatNumber(evaluation.mostBits, 3)}</td>
								<td>{formatNumber(evaluation.psnr, 4)}</td>
								<td>{formatCount(stored.step)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</section>
		</details>
	);
}
