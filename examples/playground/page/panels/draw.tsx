import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Pictures } from "../../shared/frames.js";
import type { Coded } from "../../worker/drawing.js";
import { showUnexpected } from "../actions.js";
import { engine } from "../engine.js";
import { Card } from "../parts/card.js";
import { CodeGrid } from "../parts/code_grid.js";
import { CodeTable, columnsFor } from "../parts/code_table.js";
import { newestOnly } from "../parts/newest_only.js";
import { Pad } from "../parts/pad.js";
import { Pixels } from "../parts/pixels.js";
import { visiblePanels } from "../parts/visible.js";
import { chosenCode, codebook, pointedCode, run, step } from "../store.js";
import { Mix } from "./mix.js";

/** Milliseconds between two codings of a drawing while the model trains. */
const refresh = 700;

export function Draw() {
	const info = run.value;
	const drawing = useSignal<Pictures | undefined>(undefined);
	const coded = useSignal<Coded | undefined>(undefined);
	const painted = useSignal(false);
	const latency = useSignal<number | undefined>(undefined);
	const last = useRef(0);

	/** Codes the drawing, or decodes the codes that the user has painted. */
	const update = useMemo(
		() =>
			newestOnly(async () => {
				const id = run.value?.id;
				if (id === undefined) return;
				const begin = performance.now();
				if (painted.value) {
					const { value } = coded;
					if (value === undefined) return;
					const picture = await engine.drawing.decode(id, value.codes, 1);
					if (coded.value?.codes !== value.codes) return;
					coded.value = { ...value, picture };
				} else {
					const { value } = drawing;
					if (value === undefined) return;
					const result = await engine.drawing.encode(id, value);
					if (painted.value || run.value?.id !== id) return;
					coded.value = result;
				}
				last.current = performance.now();
				latency.value = last.current - begin;
			}),
		[],
	);

	// The first drawing is a test image.
	useEffect(() => {
		drawing.value = undefined;
		coded.value = undefined;
		painted.value = false;
		if (info === undefined) return;
		engine.drawing
			.testImage(info.id, 1)
			.then((picture) => {
				if (run.value?.id !== info.id) return;
				drawing.value ??= picture;
				update();
			})
			.catch(showUnexpected);
	}, [info?.id]);

	// While the model trains, the codes of the drawing and the picture of the codes change.
	useEffect(() => {
		if (!visiblePanels.value.has("draw")) return;
		if (painted.value || performance.now() - last.current > refresh) update();
	}, [step.value]);

	const paint = (position: number) => {
		const { value } = coded;
		const levels = info?.levels ?? 1;
		if (value === undefined || value.codes[position * levels] === chosenCode.value) return;
		const codes = value.codes.slice();
		codes[position * levels] = chosenCode.value;
		painted.value = true;
		coded.value = { ...value, codes };
		update();
	};

	if (info === undefined) return <Card id="draw" title="Draw" children={<p class="hint">A moment …</p>} />;
	const [h, w] = info.grid;
	return (
		<Card
			id="draw"
			title="Draw"
			lead={`Draw on the left. The encoder turns it into ${h * w * info.levels} codes; the decoder draws the picture on the right from them alone. Choose a code below and paint it into the grid.`}
		>
			<div class="draw">
				<div>
					<h3>Your drawing</h3>
					{drawing.value !== undefined && (
						<Pad
							picture={drawing.value}
							onChange={(picture) => {
								drawing.value = picture;
								painted.value = false;
								update();
							}}
						/>
					)}
				</div>
				<div>
					<h3>Its codes{painted.value ? ", repainted" : ""}</h3>
					<CodeGrid
						codes={coded.value?.codes}
						grid={info.grid}
						levels={info.levels}
						onPaint={paint}
						onPoint={(code) => {
							pointedCode.value = code;
						}}
					/>
					<div class="row">
						<button
							type="button"
							disabled={!painted.value}
							onClick={() => {
								painted.value = false;
								update();
							}}
						>
							Back to the drawing's codes
						</button>
					</div>
				</div>
				<div>
					<h3>Decoded</h3>
					<Pixels pictures={coded.value?.picture} class="large" label="What the decoder draws from these codes" />
					<p class="hint">{latency.value === undefined ? "" : `${latency.value.toFixed(0)} ms`}</p>
				</div>
			</div>
			<h3>
				Paint with code <span data-figure="chosen">{chosenCode.value}</span>
			</h3>
			<CodeTable
				view={codebook.value}
				columns={columnsFor(info.codes)}
				label="Code to paint with"
				pointed={pointedCode.value}
				chosen={chosenCode.value}
				onPoint={(code) => {
					pointedCode.value = code;
				}}
				onChoose={(code) => {
					chosenCode.value = code;
				}}
			/>
			<Mix />
		</Card>
	);
}
