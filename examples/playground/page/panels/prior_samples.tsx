import { useSignal } from "@preact/signals";
import { mostSampledClasses, type Samples } from "../../shared/frames.js";
import { showUnexpected } from "../actions.js";
import { engine } from "../engine.js";
import { Pixels } from "../parts/pixels.js";
import { run } from "../store.js";
import { classNames, isUsable, newRequest, samples, taken, temperature, topK } from "./prior_store.js";

/** The values of the slider; more are "all". */
const kValues = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 2048];
/** The choice of each class once. */
const each = "each";

/** New images, drawn by class. */
export function PriorSamples() {
	const choice = useSignal(each);
	const isBusy = useSignal(false);
	const names = classNames.value;
	const draw = async () => {
		isBusy.value = true;
		try {
			samples.value = await engine.prior.samples(
				newRequest(names.length === 0 || choice.value === each ? undefined : Number(choice.value)),
			);
		} catch (error) {
			showUnexpected(error);
		} finally {
			isBusy.value = false;
		}
	};
	return (
		<div class="prior-part">
			<h3>Draw new images</h3>
			<Sliders />
			<div class="row">
				{names.length > 0 && (
					<label>
						Class{" "}
						<select value={choice.value} onChange={(event) => (choice.value = event.currentTarget.value)}>
							<option value={each}>
								{names.length > mostSampledClasses ? `the first ${mostSampledClasses}, each once` : "each once"}
							</option>
							<ClassOptions />
						</select>
					</label>
				)}
				<button type="button" class="primary" disabled={!isUsable.value || isBusy.value} onClick={draw}>
					{isBusy.value ? "Drawing …" : "Draw images"}
				</button>
			</div>
			{samples.value !== undefined && (
				<SampleTiles samples={samples.value} what="Sample" names={names} isBusy={isBusy.value} />
			)}
			<p class="hint">Choose an image to see its codes below, and to complete parts of it.</p>
		</div>
	);
}

/** How codes are drawn, for all parts of the panel. */
function Sliders() {
	const values = kValues.filter((k) => k < (run.value?.codes ?? 0));
	const chosen = topK.value === undefined ? values.length : values.indexOf(topK.value);
	const text = topK.value === undefined ? "all codes" : `${topK.value}`;
	return (
		<div class="prior-sliders">
			<label>
				<span>
					Temperature <b>{temperature.value.toFixed(2)}</b>
				</span>
				<input
					type="range"
					min={0}
					max={1.5}
					step={0.05}
					value={temperature.value}
					onInput={(event) => (temperature.value = Number(event.currentTarget.value))}
				/>
				<small>Divides the logits. Below 1 likely codes are drawn more often, at 0 only the likeliest.</small>
			</label>
			<label>
				<span>
					Top k <b>{text}</b>
				</span>
				<input
					type="range"
					min={0}
					max={values.length}
					step={1}
					value={chosen < 0 ? values.length : chosen}
					aria-valuetext={text}
					onInput={(event) => (topK.value = values[Number(event.currentTarget.value)])}
				/>
				<small>Only so many of the likeliest codes.</small>
			</label>
		</div>
	);
}

export function ClassOptions() {
	return (
		<>
			{classNames.value.map((name, label) => (
				<option key={name} value={String(label)}>
					{name}
				</option>
			))}
		</>
	);
}

interface SampleTilesProps {
	readonly samples: Samples;
	readonly what: string;
	readonly names: readonly string[];
	readonly isBusy: boolean;
}

/** Images as buttons: each gives its codes to the grid that is completed. */
export function SampleTiles({ samples: { codes, pictures, labels }, what, names, isBusy }: SampleTilesProps) {
	const size = codes.length / pictures.count;
	const { channels, height, width } = pictures;
	const area = channels * height * width;
	const take = (index: number) => {
		taken.value = {
			codes: codes.slice(index * size, (index + 1) * size),
			picture: { ...pictures, count: 1, pixels: pictures.pixels.slice(index * area, (index + 1) * area) },
		};
	};
	return (
		<div class="prior-tiles" aria-busy={isBusy}>
			{Array.from({ length: pictures.count }, (_, i) => {
				const name = labels === undefined ? undefined : names[labels[i] as number];
				return (
					<button
						type="button"
						key={i}
						class="prior-tile"
						aria-label={`${what} ${i + 1}${name === undefined ? "" : `, class ${name}`}: show its codes`}
						onClick={() => take(i)}
					>
						<Pixels pictures={pictures} index={i} />
						{what === "Sample" && name !== undefined && <span>{name}</span>}
					</button>
				);
			})}
		</div>
	);
}
