import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Pictures } from "../../shared/frames.js";
import type { Coded } from "../../worker/drawing.js";
import { engine } from "../engine.js";
import { newestOnly } from "../parts/newest_only.js";
import { Pixels } from "../parts/pixels.js";
import { visiblePanels } from "../parts/visible.js";
import { originals, run, step } from "../store.js";

const between = 7;
/** Milliseconds between two updates while the model trains. */
const refresh = 1500;

interface Mixed {
	readonly a: Coded;
	readonly b: Coded;
	/** The left half of one with the right half of the other, both ways. */
	readonly swapped: Pictures;
	readonly interpolated: Pictures;
}

/** Two test images: halves of their codes swapped, and mixtures of their latents. */
export function Mix() {
	const isOpen = useSignal(false);
	const chosen = useSignal<readonly [number, number]>([0, 1]);
	const mixed = useSignal<Mixed | undefined>(undefined);
	const last = useRef(0);
	const info = run.value;

	const update = useMemo(
		() =>
			newestOnly(async () => {
				const { value: info } = run;
				if (info === undefined) return;
				const { id, grid, levels } = info;
				const [first, second] = chosen.value;
				const a = await engine.drawing.encodeTest(id, first);
				const b = await engine.drawing.encodeTest(id, second);
				const both = new Uint32Array(a.codes.length + b.codes.length);
				both.set(mixHalves(a.codes, b.codes, grid[1], levels), 0);
				both.set(mixHalves(b.codes, a.codes, grid[1], levels), a.codes.length);
				const swapped = await engine.drawing.decode(id, both, 2);
				const interpolated = await engine.drawing.interpolate(id, first, second, between);
				mixed.value = { a, b, swapped, interpolated };
				last.current = performance.now();
			}),
		[],
	);

	useEffect(() => {
		if (isOpen.value) update();
	}, [isOpen.value, chosen.value, info?.id]);
	useEffect(() => {
		if (isOpen.value && visiblePanels.value.has("draw") && performance.now() - last.current > refresh) update();
	}, [step.value]);

	const choose = (which: 0 | 1) => (event: Event) => {
		const index = Number((event.currentTarget as HTMLSelectElement).value);
		chosen.value = which === 0 ? [index, chosen.value[1]] : [chosen.value[0], index];
	};
	const count = originals.value?.count ?? 0;
	return (
		<details
			class="options"
			onToggle={(event) => {
				isOpen.value = event.currentTarget.open;
			}}
		>
			<summary>Mix two images: swap halves of their codes, and interpolate</summary>
			<div class="row">
				{([0, 1] as const).map((which) => (
					<label key={which}>
						{which === 0 ? "First" : "Second"} test image{" "}
						<select value={String(chosen.value[which])} onChange={choose(which)}>
							{Array.from({ length: count }, (_, i) => (
								<option key={i} value={String(i)}>
									{i + 1}
								</option>
							))}
						</select>
					</label>
				))}
			</div>
			{mixed.value !== undefined && (
				<>
					<h4>Halves of their codes, swapped</h4>
					<div class="tiles">
						<Tile pictures={mixed.value.a.picture} label="First image, decoded" text="first" />
						<Tile pictures={mixed.value.b.picture} label="Second image, decoded" text="second" />
						<Tile
							pictures={mixed.value.swapped}
							label="Left codes of the first, right codes of the second"
							text="first | second"
						/>
						<Tile
							pictures={mixed.value.swapped}
							index={1}
							label="Left codes of the second, right codes of the first"
							text="second | first"
						/>
					</div>
					<h4>Mixtures of their latents, quantized</h4>
					<div class="tiles">
						{Array.from({ length: between }, (_, i) => (
							<Tile
								key={i}
								pictures={(mixed.value as Mixed).interpolated}
								index={i}
								label={`${Math.round((100 * i) / (between - 1))} % of the second image`}
								text={`${Math.round((100 * i) / (between - 1))} %`}
							/>
						))}
					</div>
				</>
			)}
		</details>
	);
}

interface TileProps {
	readonly pictures: Pictures;
	readonly index?: number;
	readonly label: string;
	readonly text: string;
}

function Tile({ pictures, index = 0, label, text }: TileProps) {
	return (
		<figure class="tile">
			<Pixels pictures={pictures} index={index} label={label} />
			<figcaption>{text}</figcaption>
		</figure>
	);
}

/** The left half of one grid of codes with the right half of another. */
function mixHalves(left: Uint32Array, right: Uint32Array, width: number, levels: number): Uint32Array {
	return left.map((code, i) => (Math.floor(i / levels) % width < width / 2 ? code : (right[i] as number)));
}
