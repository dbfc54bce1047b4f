import { useEffect, useRef } from "preact/hooks";

interface HeatProps {
	/** [height, width] */
	readonly values: Float32Array;
	readonly width: number;
	/** The value of the strongest colour; negative values are blue, positive ones orange. */
	readonly most: number;
	readonly label?: string;
}

/** A field of numbers as colours: blue below 0, orange above, black at 0. */
export function Heat({ values, width, most, label }: HeatProps) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const height = values.length / width;
	useEffect(() => {
		const context = canvas.current?.getContext("2d");
		if (context == null) return;
		const image = new ImageData(width, height);
		for (const [i, value] of values.entries()) {
			const share = Math.min(1, Math.abs(value) / Math.max(most, 1e-12));
			image.data.set(
				value < 0 ? [40 * share, 150 * share, 255 * share, 255] : [255 * share, 160 * share, 40 * share, 255],
				4 * i,
			);
		}
		context.putImageData(image, 0, 0);
	}, [values, width, height, most]);
	const role = label === undefined ? { "aria-hidden": true as const } : { role: "img" as const, "aria-label": label };
	return <canvas ref={canvas} width={width} height={height} class="pixels heat" {...role} />;
}
