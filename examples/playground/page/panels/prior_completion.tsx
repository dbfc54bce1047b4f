import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Pictures, Samples } from "../../shared/frames.js";
import { showUnexpected } from "../actions.js";
import { engine } from "../engine.js";
import { CodeGrid } from "../parts/code_grid.js";
import { Pad } from "../parts/pad.js";
import { Pixels } from "../parts/pixels.js";
import { originals, run } from "../store.js";
import { ClassOptions, SampleTiles } from "./prior_samples.js";
import { classNames, isUsable, newRequest, prior, taken } from "./prior_store.js";

const candidates = 6;
const unknown = "unknown";

interface Coded {
	readonly codes: Uint32Array;
	readonly picture: Pictures;
}

/** A drawing of which the user erases codes, which the prior draws again. */
export function PriorCompletion() {
	const { grid = [1, 1], levels = 1 } = run.value ?? {};
	const [h, w] = grid;
	const drawing = useSignal<Pictures | undefined>(undefined);
	const coded = useSignal<Coded | undefined>(undefined);
	const free = useSignal<ReadonlySet<number>>(new Set());
	const isRestoring = useSignal(false);
	const label = useSignal(unknown);
	const completions = useSignal<Samples | undefined>(undefined);
	const isBusy = useSignal(false);
	const encoding = useRef({ isRunning: false, isStale: false });

	/** Codes the drawing; while one coding runs, only the newest drawing waits. */
	const encode = async () => {
		const { current: state } = encoding;
		state.isStale = true;
		if (state.isRunning) return;
		state.isRunning = true;
		try {
			while (state.isStale && drawing.value !== undefined) {
				state.isStale = false;
				coded.value = await engine.prior.encode(drawing.value);
			}
		} catch (error) {
			showUnexpected(error);
		} finally {
			state.isRunning = false;
		}
	};
	const draw = (picture: Pictures) => {
		drawing.value = picture;
		completions.value = undefined;
		encode();
	};
	const choose = (index: number) =>
		engine.drawing
			.testImage(prior.value?.runId ?? "", index)
			.then(draw)
			.catch(showUnexpected);

	useEffect(() => {
		completions.value = undefined;
		if (drawing.value === undefined) choose(0);
		else encode();
	}, [prior.value?.runId, prior.value?.modelStep]);
	// An image that was chosen among the samples or completions.
	useEffect(() => {
		const { value } = taken;
		if (value === undefined) return;
		drawing.value = value.picture;
		coded.value = value;
	}, [taken.value]);

	const paint = (position: number) => {
		const next = new Set(free.value);
		if (isRestoring.value) next.delete(position);
		else next.add(position);
		if (next.size !== free.value.size) free.value = next;
	};
	const eraseWhere = (isErased: (row: number, column: number) => boolean) => {
		free.value = new Set(Array.from({ length: h * w }, (_, i) => i).filter((i) => isErased(Math.floor(i / w), i % w)));
	};
	const complete = async () => {
		const { value } = coded;
		if (value === undefined) return;
		isBusy.value = true;
		try {
			const keep = Uint8Array.from({ length: h * w }, (_, i) => (free.value.has(i) ? 0 : 1));
			const request = newRequest(label.value === unknown ? undefined : Number(label.value));
			completions.value = await engine.prior.complete(value.codes, keep, candidates, request);
		} catch (error) {
			showUnexpected(error);
		} finally {
			isBusy.value = false;
		}
	};
	return (
		<div class="prior-part prior-completion">
			<h3>Erase codes, and let the prior complete them</h3>
			<div class="draw">
				<div>
					<h4>A drawing</h4>
					{drawing.value !== undefined && <Pad picture={drawing.value} onChange={draw} />}
					<div class="row">
						<label>
							Take{" "}
							<select
								value=""
								onChange={(event) => {
									choose(Number(event.currentTarget.value));
									event.currentTarget.value = "";
								}}
							>
								<option value="" disabled>
									a test image
								</option>
								{Array.from({ length: originals.value?.count ?? 0 }, (_, i) => (
									<option key={i} value={String(i)}>
										test image {i + 1}
									</option>
								))}
							</select>
						</label>
					</div>
				</div>
				<div>
					<h4>
						Its codes, {free.value.size} of {h * w} positions erased
					</h4>
					<CodeGrid
						codes={coded.value?.codes}
						grid={grid}
						levels={levels}
						free={free.value}
						onPaint={paint}
						label="Codes to erase"
					/>
					<div class="row">
						<button type="button" onClick={() => eraseWhere((row) => row >= h / 2)}>
							Lower half
						</button>
						<button type="button" onClick={() => eraseWhere((_, column) => column >= w / 2)}>
							Right half
						</button>
						<button
							type="button"
							aria-pressed={isRestoring.value}
							onClick={() => {
								isRestoring.value = !isRestoring.value;
							}}
						>
							Paint back
						</button>
						<button type="button" disabled={free.value.size === 0} onClick={() => eraseWhere(() => false)}>
							Clear selection
						</button>
					</div>
				</div>
				<div>
					<h4>Decoded, nothing erased</h4>
					<Pixels pictures={coded.value?.picture} class="large" label="What the decoder draws from all codes" />
				</div>
			</div>
			<div class="row">
				{classNames.value.length > 0 && (
					<label>
						Class{" "}
						<select value={label.value} onChange={(event) => (label.value = event.currentTarget.value)}>
							<option value={unknown}>not known</option>
							<ClassOptions />
						</select>
					</label>
				)}
				<button
					type="button"
					class="primary"
					disabled={!isUsable.value || isBusy.value || free.value.size === 0 || coded.value === undefined}
					onClick={complete}
				>
					{isBusy.value ? "Completing …" : "Complete"}
				</button>
				{free.value.size === 0 && <span class="hint">Paint over codes, or choose a half, to erase them.</span>}
			</div>
			{completions.value !== undefined && (
				<SampleTiles samples={completions.value} what="Completion" names={classNames.value} isBusy={isBusy.value} />
			)}
			<p class="hint">
				Kept codes do not change. Those after an erased code count too: several candidates are drawn at once, and
				resampled by the probability of the kept codes.
			</p>
		</div>
	);
}
