import { useEffect, useRef } from "preact/hooks";
import type { PlaneView } from "../../shared/frames.js";
import { codebook, plane, pointedCode } from "../store.js";
import { colourOf } from "./code_table.js";

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
	const style = getComputedStyle(element);
	const colour = (name: string) => colourOf(element, style.getPropertyValue(name));
	const [dot, square, dead, mark, edge] = ["--curve-1", "--curve-2", "--muted", "--text", "--card"].map(colour) as [
		string,
		string,
		string,
		string,
		string,
	];
	const place = placer([view.latents, view.codes]);
	context.clearRect(0, 0, side, side);
	context.fillStyle = dot;
	context.globalAlpha = 0.45;
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

/** From points to pixels: the latents fill the picture; codes far from them are drawn at its edge. */
function placer([latents]: readonly [Float32Array, Float32Array]): (
	points: Float32Array,
	i: number,
) => [number, number] {
	let extent = 1e-6;
	for (const value of latents) extent = Math.max(extent, Math.abs(value));
	const scale = (side / 2 - margin) / (1.15 * extent);
	const clamp = (value: number) => Math.min(side - margin / 2, Math.max(margin / 2, value));
	return (points, i) => [
		clamp(side / 2 + scale * (points[2 * i] as number)),
		clamp(side / 2 - scale * (points[2 * i + 1] as number)),
	];
}
