import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Pictures } from "../../shared/frames.js";
import { toImageData } from "./pixels.js";

interface PadProps {
	readonly picture: Pictures;
	readonly onChange: (picture: Pictures) => void;
}

/** The radius of the pen, as a share of the picture's side. */
const penRadius = 0.05;

/** A small picture to draw on with mouse, finger, pen or keyboard. */
export function Pad({ picture, onChange }: PadProps) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const isEraser = useSignal(false);
	const colour = useSignal("#ffffff");
	const cursor = useSignal<{ x: number; y: number } | undefined>(undefined);
	const last = useRef<{ x: number; y: number } | undefined>(undefined);
	const { width, height, channels } = picture;
	useEffect(() => {
		const context = canvas.current?.getContext("2d");
		context?.putImageData(toImageData(picture, 0), 0, 0);
	}, [picture]);

	const ink = (): readonly number[] => {
		if (isEraser.value) return [0, 0, 0];
		if (channels === 1) return [255];
		return [1, 3, 5].map((at) => Number.parseInt(colour.value.slice(at, at + 2), 16));
	};

	/** Draws from one point to another, in pixels, with a pen whose edge is soft. */
	const stroke = (from: { x: number; y: number }, to: { x: number; y: number }, pressure: number) => {
		const radius = penRadius * Math.min(width, height) * (0.6 + 0.8 * pressure) * (isEraser.value ? 2 : 1);
		const pixels = picture.pixels.slice();
		const values = ink();
		const length = Math.hypot(to.x - from.x, to.y - from.y);
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) {
				const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
				const along =
					length === 0
						? 0
						: Math.min(1, Math.max(0, (px * (to.x - from.x) + py * (to.y - from.y)) / (length * length)));
				const distance = Math.hypot(px - along * (to.x - from.x), py - along * (to.y - from.y));
				const cover = Math.min(1, Math.max(0, radius + 0.5 - distance));
				if (cover === 0) continue;
				for (let channel = 0; channel < channels; channel++) {
					const at = (y * width + x) * channels + channel;
					const [before, after] = [pixels[at] as number, values[channel] as number];
					// Overlapping parts of a line do not add up.
					const mixed = before + cover * (after - before);
					pixels[at] = Math.round(after > before ? Math.max(before, mixed) : Math.min(before, mixed));
				}
			}
		onChange({ ...picture, pixels });
	};

	const pointOf = (event: PointerEvent) => {
		const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
		return {
			x: ((event.clientX - box.left) / box.width) * width,
			y: ((event.clientY - box.top) / box.height) * height,
		};
	};
	const pressureOf = ({ pointerType, pressure }: PointerEvent) => (pointerType === "pen" ? pressure : 0.5);

	const byKeyboard = (event: KeyboardEvent) => {
		const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
		const before = cursor.value ?? { x: width / 2, y: height / 2 };
		if (by !== undefined) {
			event.preventDefault();
			const after = {
				x: Math.min(width - 0.5, Math.max(0.5, before.x + (by[0] as number))),
				y: Math.min(height - 0.5, Math.max(0.5, before.y + (by[1] as number))),
			};
			cursor.value = after;
			if (event.shiftKey) stroke(before, after, 0.5);
		} else if (event.key === " ") {
			event.preventDefault();
			stroke(before, before, 0.5);
		}
	};

	return (
		<div class="pad">
			<div class="pad-surface">
				{/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it is drawn on by keyboard */}
				<canvas
					ref={canvas}
					width={width}
					height={height}
					class="pixels large"
					tabIndex={0}
					role="application"
					aria-label="Drawing. Arrow keys move the pen, with Shift they draw; Space makes a dot."
					onKeyDown={byKeyboard}
					onFocus={() => {
						cursor.value ??= { x: width / 2, y: height / 2 };
					}}
					onBlur={() => {
						cursor.value = undefined;
					}}
					onPointerDown={(event) => {
						event.currentTarget.setPointerCapture(event.pointerId);
						const point = pointOf(event);
						last.current = point;
						stroke(point, point, pressureOf(event));
					}}
					onPointerMove={(event) => {
						if (last.current === undefined) return;
						const point = pointOf(event);
						stroke(last.current, point, pressureOf(event));
						last.current = point;
					}}
					onPointerUp={() => {
						last.current = undefined;
					}}
					onPointerCancel={() => {
						last.current = undefined;
					}}
				/>
				{cursor.value !== undefined && (
					<span
						class="pen"
						style={{ left: `${(100 * cursor.value.x) / width}%`, top: `${(100 * cursor.value.y) / height}%` }}
					/>
				)}
			</div>
			<div class="row">
				<button type="button" onClick={() => onChange({ ...picture, pixels: new Uint8Array(picture.pixels.length) })}>
					Clear
				</button>
				<button
					type="button"
					aria-pressed={isEraser.value}
					onClick={() => {
						isEraser.value = !isEraser.value;
					}}
				>
					Eraser
				</button>
				{channels === 3 && (
					<label>
						Colour{" "}
						<input
							type="color"
							value={colour.value}
							onInput={(event) => {
								colour.value = event.currentTarget.value;
							}}
						/>
					</label>
				)}
			</div>
		</div>
	);
}
