import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { codeColour } from "./code_colour.js";

interface CodeGridProps {
	/** [h, w, levels]; the first level is shown */
	readonly codes: Uint32Array | undefined;
	readonly grid: readonly [h: number, w: number];
	readonly levels: number;
	/** The user paints a position, counted row by row. */
	readonly onPaint?: (position: number) => void;
	readonly onPoint?: (code: number | undefined) => void;
	readonly label?: string;
	/** Positions that are shown as free. */
	readonly free?: ReadonlySet<number> | undefined;
	/** A position with an outline. */
	readonly marked?: number | undefined;
}

/** Codes as a grid of numbers and colours. Pointer or keyboard paints. */
export function CodeGrid({
	codes,
	grid: [h, w],
	levels,
	onPaint,
	onPoint,
	label = "Codes",
	free,
	marked,
}: CodeGridProps) {
	const place = useRef<HTMLDivElement>(null);
	const at = useSignal(0);
	const isPainting = useRef(false);
	useEffect(() => {
		const end = () => {
			isPainting.current = false;
		};
		addEventListener("pointerup", end);
		addEventListener("pointercancel", end);
		return () => {
			removeEventListener("pointerup", end);
			removeEventListener("pointercancel", end);
		};
	}, []);
	/** A finger that moves stays captured by the cell where it began, so the cell is looked up. */
	const positionAt = (event: PointerEvent): number | undefined => {
		const element = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>("[data-position]");
		return element != null && place.current?.contains(element) ? Number(element.dataset.position) : undefined;
	};
	const move = (event: KeyboardEvent) => {
		const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -w, ArrowDown: w }[event.key];
		if (by === undefined) return;
		event.preventDefault();
		const next = at.value + by;
		if (next < 0 || next >= h * w) return;
		at.value = next;
		place.current?.querySelector<HTMLElement>(`[data-position="${next}"]`)?.focus();
	};
	return (
		// biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form
		<div
			ref={place}
			class="code-grid"
			style={{ "--columns": w }}
			role="group"
			aria-label={`${label}: ${h} rows of ${w}. Arrow keys move${onPaint === undefined ? "" : ", Enter paints"}.`}
			onKeyDown={move}
			onPointerMove={(event) => {
				if (!isPainting.current) return;
				const position = positionAt(event);
				if (position !== undefined) onPaint?.(position);
			}}
			onPointerLeave={() => onPoint?.(undefined)}
		>
			{Array.from({ length: h * w }, (_, position) => {
				const code = codes?.[position * levels];
				const isFree = free?.has(position) === true;
				const colour = code === undefined || isFree ? undefined : codeColour(code);
				return (
					<button
						type="button"
						key={position}
						data-position={position}
						tabIndex={position === at.value ? 0 : -1}
						class={`${isFree ? "free" : ""} ${position === marked ? "marked" : ""}`}
						style={colour === undefined ? {} : { background: colour, color: "#000" }}
						aria-label={`Row ${Math.floor(position / w) + 1}, column ${(position % w) + 1}: ${isFree ? "free" : `code ${code ?? "none"}`}`}
						onFocus={() => {
							at.value = position;
						}}
						onPointerEnter={() => onPoint?.(code)}
						onPointerDown={(event) => {
							event.currentTarget.releasePointerCapture(event.pointerId);
							isPainting.current = true;
							onPaint?.(position);
						}}
						onClick={(event) => {
							if (event.detail === 0) onPaint?.(position); // by keyboard
						}}
					>
						{isFree ? "" : code}
					</button>
				);
			})}
		</div>
	);
}
