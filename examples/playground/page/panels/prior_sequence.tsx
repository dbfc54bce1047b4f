import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Pictures } from "../../shared/frames.js";
import type { NextCode, SampleRequest } from "../../worker/prior.js";
import { showUnexpected } from "../actions.js";
import { engine } from "../engine.js";
import { codeColour } from "../parts/code_colour.js";
import { CodeGrid } from "../parts/code_grid.js";
import { Pixels } from "../parts/pixels.js";
import { visiblePanels } from "../parts/visible.js";
import { run } from "../store.js";
import { ClassOptions } from "./prior_samples.js";
import { classNames, newRequest, prior, temperature, topK } from "./prior_store.js";

const speeds = [
	{ value: 1, label: "1 code a second" },
	{ value: 4, label: "4 codes a second" },
	{ value: 16, label: "16 codes a second" },
	{ value: 1000, label: "as fast as it can" },
];

/** A grid that is being drawn. */
interface Sequence {
	readonly request: SampleRequest;
	/** [h, w, levels] */
	readonly codes: Uint32Array;
	/** How many codes are drawn. */
	readonly count: number;
	/** The choice of the next one; undefined if all are drawn. */
	readonly next: NextCode | undefined;
	readonly picture: Pictures | undefined;
}

/** One image, code by code, with the probabilities of the next one. */
export function PriorSequence() {
	const { grid = [1, 1], levels = 1 } = run.value ?? {};
	const { positions = 0, patches } = prior.value ?? {};
	const shown = useSignal<Sequence | undefined>(undefined);
	const label = useSignal(0);
	const speed = useSignal(4);
	const isPlaying = useSignal(false);
	/** Requests one after the other. */
	const queue = useRef<Promise<void>>(Promise.resolve());

	const enqueue = (body: () => Promise<void>): Promise<void> => {
		queue.current = queue.current.then(body).catch((error: unknown) => {
			isPlaying.value = false;
			showUnexpected(error);
		});
		return queue.current;
	};
	/** What may come after the first `count` codes. */
	const look = async (
		codes: Uint32Array,
		count: number,
		request: SampleRequest,
		withPicture = true,
	): Promise<Sequence> => ({
		request,
		codes,
		count,
		next: count < positions ? await engine.prior.next(codes, count, request) : undefined,
		picture: withPicture || count === positions ? await engine.prior.decodeFirst(codes, count) : undefined,
	});
	const begin = () =>
		enqueue(async () => {
			const request = newRequest(classNames.value.length > 0 ? label.value : undefined);
			shown.value = await look(new Uint32Array(positions), 0, request);
		});
	const drawNext = (sequence: Sequence, withPicture = true): Promise<Sequence> => {
		const codes = sequence.codes.slice();
		codes[sequence.count] = (sequence.next as NextCode).drawn;
		return look(codes, sequence.count + 1, sequence.request, withPicture);
	};
	const forward = () =>
		enqueue(async () => {
			const { value } = shown;
			if (value?.next !== undefined) shown.value = await drawNext(value);
		});
	const back = () =>
		enqueue(async () => {
			const { value } = shown;
			if (value !== undefined && value.count > 0) shown.value = await look(value.codes, value.count - 1, value.request);
		});
	const toEnd = () =>
		enqueue(async () => {
			let { value } = shown;
			while (value?.next !== undefined) value = await drawNext(value, false);
			shown.value = value;
		});

	useEffect(() => {
		isPlaying.value = false;
		begin();
	}, [prior.value?.runId, prior.value?.modelStep, prior.value?.step]);
	// Another temperature or top k counts from the next code on.
	useEffect(() => {
		enqueue(async () => {
			const { value } = shown;
			if (value === undefined) return;
			const request = { ...value.request, temperature: temperature.value, topK: topK.value };
			shown.value = await look(value.codes, value.count, request);
		});
	}, [temperature.value, topK.value]);

	useEffect(() => {
		if (!isPlaying.value) return;
		let isOver = false;
		const play = async () => {
			while (!isOver) {
				const begun = performance.now();
				if (visiblePanels.value.has("prior")) await forward();
				if (shown.value?.next === undefined) isPlaying.value = false;
				const wait = Math.max(0, begun + 1000 / speed.value - performance.now());
				await new Promise((resolve) => setTimeout(resolve, wait));
			}
		};
		play();
		return () => {
			isOver = true;
		};
	}, [isPlaying.value]);

	const { codes, count = 0, next, picture } = shown.value ?? {};
	const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
	const [h, w] = grid;
	const free = new Set(Array.from({ length: h * w }, (_, i) => i).filter((i) => i * levels >= count));
	const position = Math.floor(count / levels);
	return (
		<div class="prior-part">
			<h3>Draw one image, code by code</h3>
			<div class="row" role="toolbar" aria-label="Code by code">
				{classNames.value.length > 0 && (
					<label>
						Class{" "}
						<select
							value={String(label.value)}
							onChange={(event) => {
								label.value = Number(event.currentTarget.value);
								isPlaying.value = false;
								begin();
							}}
						>
							<ClassOptions />
						</select>
					</label>
				)}
				{!isStill && (
					<button
						type="button"
						class="primary"
						disabled={next === undefined}
						onClick={() => (isPlaying.value = !isPlaying.value)}
					>
						{isPlaying.value ? "Pause" : "Play"}
					</button>
				)}
				<button type="button" disabled={count === 0 || isPlaying.value} onClick={back}>
					Back
				</button>
				<button type="button" disabled={next === undefined || isPlaying.value} onClick={forward}>
					Next code
				</button>
				<button type="button" disabled={next === undefined || isPlaying.value} onClick={toEnd}>
					To the end
				</button>
				<button type="button" disabled={isPlaying.value} onClick={begin}>
					Begin again
				</button>
				{!isStill && (
					<label>
						Speed{" "}
						<select value={String(speed.value)} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
							{speeds.map(({ value, label: name }) => (
								<option key={value} value={String(value)}>
									{name}
								</option>
							))}
						</select>
					</label>
				)}
			</div>
			<div class="prior-sequence" data-count={count} data-positions={positions}>
				<div>
					<h4>
						Codes: {count} of {positions}
					</h4>
					<CodeGrid
						codes={codes}
						grid={grid}
						levels={levels}
						free={free}
						marked={next === undefined ? undefined : position}
						label="Codes that are drawn"
					/>
				</div>
				<div>
					<h4>Decoded so far</h4>
					<div class="prior-picture">
						<Pixels pictures={picture} class="large" label={`The picture of the first ${count} codes`} />
						<svg viewBox={`0 0 ${w} ${h}`} preserveAspectRatio="none" aria-hidden>
							{Array.from(free, (i) => (
								<rect key={i} x={i % w} y={Math.floor(i / w)} width="1" height="1" />
							))}
						</svg>
					</div>
					<p class="hint">
						The decoder needs all codes: for those that are not drawn yet it gets the most frequent ones of their
						positions, and their part of the picture is covered.
					</p>
				</div>
				<div>
					<h4>
						{next === undefined
							? "All codes are drawn"
							: `Row ${Math.floor(position / w) + 1}, column ${(position % w) + 1}${levels === 1 ? "" : `, level ${(count % levels) + 1}`}`}
					</h4>
					{next !== undefined && <LikeliestCodes next={next} patches={count % levels === 0 ? patches : undefined} />}
				</div>
			</div>
		</div>
	);
}

interface LikeliestCodesProps {
	readonly next: NextCode;
	/** What each code draws; later levels draw differences, which cannot be shown alone. */
	readonly patches: Pictures | undefined;
}

/** The likeliest codes, with their probabilities; the one that is drawn is marked. */
function LikeliestCodes({ next: { likeliest, drawn, probability }, patches }: LikeliestCodesProps) {
	const isListed = likeliest.some(({ code }) => code === drawn);
	const rows = isListed ? likeliest : [...likeliest, { code: drawn, probability }];
	const largest = likeliest[0]?.probability ?? 1;
	return (
		<ol class="prior-bars">
			{rows.map(({ code, probability: share }, rank) => (
				<li key={rank} class={code === drawn ? "drawn" : ""}>
					{patches === undefined ? (
						<span class="chip" style={{ background: codeColour(code) }} />
					) : (
						<Pixels pictures={patches} index={code} />
					)}
					<span class="code">{code}</span>
					<span class="bar">
						<span style={{ width: `${(100 * share) / largest}%` }} />
					</span>
					<span class="share">{formatShare(share)}</span>
					<span class="mark">{code === drawn ? "drawn" : ""}</span>
				</li>
			))}
		</ol>
	);
}

function formatShare(share: number): string {
	const percent = 100 * share;
	return percent >= 10 ? `${percent.toFixed(0)} %` : percent >= 0.1 ? `${percent.toFixed(1)} %` : "< 0.1 %";
}
