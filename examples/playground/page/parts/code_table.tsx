import { useEffect, useRef } from "preact/hooks";
import type { CodebookView } from "../../shared/frames.js";
import { CodeSlider } from "./code_slider.js";
import { colourOf } from "./colour_of.js";
import { toImageData } from "./pixels.js";

/** Pixels of the canvas for each code. */
const cell = 36;
/** How long a re-initialised code flashes, in milliseconds. */
const flash = 900;
/** The smallest side of a patch, as a share of its cell. */
const smallest = 0.34;

interface CodeTableProps {
	readonly view: CodebookView | undefined;
	readonly columns: number;
	readonly label: string;
	readonly pointed: number | undefined;
	readonly chosen?: number | undefined;
	readonly onPoint: (code: number | undefined) => void;
	readonly onChoose: (code: number) => void;
}

/** How a code is used, in words. */
export function describeUse(view: CodebookView | undefined, code: number): string {
	const use = view?.use[code];
	if (view === undefined || use === undefined) return `code ${code}`;
	const total = view.use.reduce((sum, count) => sum + count, 0);
	return isDead(use)
		? `code ${code}, dead`
		: `code ${code}, ${((100 * use) / total).toPrecision(2)} % of all positions`;
}

function isDead(use: number): boolean {
	return use < 0.5;
}

/** All codes as the patches that they draw, the larger the more they are used. */
export function CodeTable({ view, columns, label, pointed, chosen, onPoint, onChoose }: CodeTableProps) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const flashes = useRef(new Map<number, number>());
	const codes = view?.use.length ?? 0;
	const rows = Math.ceil(codes / columns);
	useEffect(() => {
		for (const [code, reborn] of view?.reborn.entries() ?? []) if (reborn) flashes.current.set(code, performance.now());
	}, [view]);
	useEffect(() => {
		const { current: element } = canvas;
		if (element === null || view === undefined) return;
		const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
		let request = 0;
		const draw = () => {
			drawTable(element, view, columns, { pointed, chosen, flashes: flashes.current, still });
			if (flashes.current.size > 0 && !still) request = requestAnimationFrame(draw);
			else flashes.current.clear();
		};
		draw();
		return () => cancelAnimationFrame(request);
	}, [view, columns, pointed, chosen]);
	const codeAt = (event: MouseEvent): number | undefined => {
		const { current: element } = canvas;
		if (element === null) return undefined;
		const box = element.getBoundingClientRect();
		const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
		const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
		const code = row * columns + column;
		return column >= 0 && column < columns && code >= 0 && code < codes ? code : undefined;
	};
	return (
		<div class="code-table">
			{codes > 0 && (
				<CodeSlider
					label={label}
					codes={codes}
					columns={columns}
					value={chosen ?? pointed ?? 0}
					describe={(code) => describeUse(view, code)}
					onCode={(code) => {
						onPoint(code);
						onChoose(code);
					}}
					onLeave={() => onPoint(undefined)}
				/>
			)}
			<canvas
				ref={canvas}
				width={columns * cell}
				height={Math.max(1, rows) * cell}
				aria-hidden
				onPointerMove={(event) => onPoint(codeAt(event))}
				onPointerLeave={() => onPoint(undefined)}
				onPointerDown={(event) => {
					const code = codeAt(event);
					if (code === undefined) return;
					onPoint(code);
					onChoose(code);
				}}
			/>
		</div>
	);
}

interface Marks {
	readonly pointed: number | undefined;
	readonly chosen: number | undefined;
	readonly flashes: Map<number, number>;
	readonly still: boolean;
}

function drawTable(element: HTMLCanvasElement, view: CodebookView, columns: number, marks: Marks): void {
	const context = element.getContext("2d");
	if (context === null) return;
	const [accent, bad, warm] = ["--accent", "--bad", "--warm"].map((name) => colourOf(element, name)) as [
		string,
		string,
		string,
	];
	context.clearRect(0, 0, element.width, element.height);
	context.imageSmoothingEnabled = false;
	const most = view.use.reduce((a, b) => Math.max(a, b), 1);
	const patch = new OffscreenCanvas(view.patches.width, view.patches.height);
	const patchContext = patch.getContext("2d");
	const now = performance.now();
	for (const [code, use] of view.use.entries()) {
		const [left, top] = [(code % columns) * cell, Math.floor(code / columns) * cell];
		const side = (cell - 4) * (isDead(use) ? smallest : Math.max(smallest, Math.sqrt(Math.sqrt(use / most))));
		const inset = (cell - side) / 2;
		patchContext?.putImageData(toImageData(view.patches, code), 0, 0);
		context.globalAlpha = isDead(use) ? 0.55 : 1;
		context.drawImage(patch, left + inset, top + inset, side, side);
		context.globalAlpha = 1;
		if (isDead(use)) outline(context, left + inset - 1, top + inset - 1, side + 2, bad, 1.5);
		const since = marks.flashes.get(code);
		if (since !== undefined) {
			const remaining = 1 - (now - since) / flash;
			if (remaining <= 0) marks.flashes.delete(code);
			else {
				context.globalAlpha = marks.still ? 1 : remaining;
				outline(context, left + 2, top + 2, cell - 4, warm, 4);
				context.globalAlpha = 1;
			}
		}
		if (code === marks.pointed || code === marks.chosen)
			outline(context, left + 1.5, top + 1.5, cell - 3, accent, code === marks.chosen ? 3 : 2);
	}
}

function outline(
	context: CanvasRenderingContext2D,
	x: number,
	y: number,
	side: number,
	colour: string,
	width: number,
): void {
	context.strokeStyle = colour;
	context.lineWidth = width;
	context.strokeRect(x, y, side, side);
}

/** Codes in a row, so that the table is about twice as wide as high. */
export function columnsFor(codes: number): number {
	return Math.min(32, Math.max(8, 2 ** Math.ceil(Math.log2(Math.sqrt(2 * Math.max(1, codes))))));
}
