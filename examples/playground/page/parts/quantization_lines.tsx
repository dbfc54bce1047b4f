import { useEffect, useRef } from "preact/hooks";
import { plane } from "../store.js";
import { colourOf } from "./colour_of.js";
import { placer } from "./plane.js";

const side = 360;
/** Latents that are drawn: those of two images. */
const most = 98;

/** Latents of two images in the plane, each with a line to its code. */
export function QuantizationLines() {
	const canvas = useRef<HTMLCanvasElement>(null);
	const view = plane.value;
	useEffect(() => {
		const { current: element } = canvas;
		const context = element?.getContext("2d");
		if (element == null || context == null || view === undefined) return;
		const colour = (name: string) => colourOf(element, name);
		const place = placer(view.latents, side);
		const [latent, code, line] = ["--curve-1", "--curve-2", "--muted"].map(colour) as [string, string, string];
		context.clearRect(0, 0, side, side);
		for (let i = 0; i < Math.min(most, view.assigned.length); i++) {
			const [x, y] = place(view.latents, i);
			const [u, v] = place(view.codes, view.assigned[i] as number);
			context.strokeStyle = line;
			context.beginPath();
			context.moveTo(x, y);
			context.lineTo(u, v);
			context.stroke();
			context.fillStyle = latent;
			context.fillRect(x - 2, y - 2, 4, 4);
			context.fillStyle = code;
			context.fillRect(u - 3.5, v - 3.5, 7, 7);
		}
	}, [view]);
	return (
		<figure class="plane">
			<canvas
				ref={canvas}
				width={side}
				height={side}
				role="img"
				aria-label="Lines from latents to their codes, in the plane of their largest variance"
			/>
			<figcaption>Small: latents of two test images. Large: their codes.</figcaption>
		</figure>
	);
}
