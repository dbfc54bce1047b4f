import { useEffect, useRef } from "preact/hooks";
import type { Pictures } from "../../shared/frames.js";

/** One picture of several as the canvas takes it. */
export function toImageData({ channels, height, width, pixels }: Pictures, index: number): ImageData {
	const data = new ImageData(width, height);
	const start = index * width * height * channels;
	for (let at = 0; at < width * height; at++)
		for (let channel = 0; channel < 4; channel++)
			data.data[4 * at + channel] =
				channel === 3 ? 255 : (pixels[start + at * channels + (channels === 3 ? channel : 0)] as number);
	return data;
}

interface PixelsProps {
	readonly pictures: Pictures | undefined;
	readonly index?: number;
	readonly label?: string;
	readonly class?: string;
}

/** A picture, as large as its style says; pixels stay sharp. Without a label it is decoration. */
export function Pixels({ pictures, index = 0, label, class: name }: PixelsProps) {
	const canvas = useRef<HTMLCanvasElement>(null);
	useEffect(() => {
		if (pictures === undefined) return;
		canvas.current?.getContext("2d")?.putImageData(toImageData(pictures, index), 0, 0);
	}, [pictures, index]);
	const { width = 28, height = 28 } = pictures ?? {};
	const role = label === undefined ? { "aria-hidden": true as const } : { role: "img" as const, "aria-label": label };
	return <canvas ref={canvas} width={width} height={height} class={`pixels ${name ?? ""}`} {...role} />;
}
