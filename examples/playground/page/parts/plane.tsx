import { useEffect, useRef } from "preact/hooks";
import type { PlaneView } from "../../shared/frames.js";
import { codebook, plane, pointedCode } from "../store.js";
import { colourOf } from "./colour_of.js";

const side = 480;
const margin = 16;

/** Latents and codes in the plane of the latents' largest variance. */
export function Plane() {
	const canvas = useRef<HTMLCanvasElement>(null);
	const view = plane.value;
	const code = pointedCode.value;
	const use = codebook.value?.use;
	useEffect(() => {
		if (canvas.current !== null && view !== undefined) draw(canvas.current, view, use, code);
	}, [view, code, use]);
	const explained = view === undefined ? "" : ` The plane has ${Math.round(100 * view.explained)} % of their variance.`;
	return (
		<figure class="plane">
			<canvas
				ref={canvas}
				width={side}
				height={side}
				role="img"
				aria-label={`Latents as small dots and codes as squares, in a plane.${explained}`}
			/>
			<figcaption>
				Dots: latents of test images. Squares: codes, grey if no latent is nearest to them.{explained}
			</figcaption>
		</figure>
	);
}

function draw(
	element: HTMLCanvasElement,
	view: PlaneView,
	use: Float32Array | undefined,
	pointed: number | undefined,
): void {
	const context = element.getContext("2d");
	if (context === null) return;
	const colour = (name: string) => colourOf(element, name);
	const [dot, square, dead, mark, edge] = ["--curve-1", "--curve-2", "--muted", "--text", "--card"].map(colour) as [
		string,
		string,
		string,
		string,
		string,
	];
	const place = placer(view.latents, side);
	context.clearRect(0, 0, side, side);
	context.fillStyle = dot;
	for (let i = 0; i < view.assigned.length; i++) {
		const [x, y] = place(view.latents, i);
		context.globalAlpha = view.assigned[i] === pointed ? 1 : 0.4;
		context.fillRect(x - 1.5, y - 1.5, view.assigned[i] === pointed ? 5 : 3, view.assigned[i] === pointed ? 5 : 3);
	}
	context.globalAlpha = 1;
	for (let code = 0; code < view.codes.length / 2; code++) {
		const [x, y] = place(view.codes, code);
		const isUsed = (use?.[code] ?? 1) >= 0.5;
		const size = code === pointed ? 13 : isUsed ? 7 : 5;
		context.fillStyle = code === pointed ? mark : isUsed ? square : dead;
		context.strokeStyle = edge;
		context.fillRect(x - size / 2, y - size / 2, size, size);
		context.strokeRect(x - size / 2, y - size / 2, size, size);
	}
}

/** From points to pixels: nearly all latents fill the picture; what lies outside is drawn at its edge. */
export function placer(latents: Float32Array, side: number): (points: Float32Array, i: number) => [number, number] {
	const [x, y] = [0, 1].map((axis) => range(latents.filter((_, i) => i % 2 === axis))) as [Range, Range];
	const scale = (side - 2 * margin) / Math.max(x.high - x.low, y.high - y.low, 1e-6);
	const clamp = (value: number) => Math.min(side - margin / 2, Math.max(margin / 2, value));
	return (points, i) => [
		clamp(side / 2 + scale * ((points[2 * i] as number) - (x.low + x.high) / 2)),
		clamp(side / 2 - scale * ((points[2 * i + 1] as number) - (y.low + y.high) / 2)),
	];
}

interface Range {
	readonly low: number;
	readonly high: number;
}

/** Where all but the outermost hundredths lie, and a little more. */
function range(values: Float32Array): Range {
	const sorted = values.slice().sort();
	const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
	const [low, high] = [at(0.01), at(0.99)];
	return { low: low - 0.1 * (high - low), high: high + 0.1 * (high - low) };
}
