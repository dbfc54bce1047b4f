import { useEffect, useRef } from "preact/hooks";
import type { Pictures } from "../../shared/frames.js";
import { codebook, originals, pointedCode, reconstructions, run, test } from "../store.js";
import { toImageData } from "./pixels.js";

/** Test images above their reconstructions. A code that is pointed at is outlined where it occurs. */
export function Strip() {
	const upper = originals.value;
	const lower = reconstructions.value;
	const { count = 16 } = upper ?? {};
	const nmse = test.value?.nmse;
	return (
		<div
			class="strip"
			role="img"
			aria-label={`${count} test images, each above its reconstruction${nmse === undefined ? "" : `; error ${nmse.toPrecision(2)}`}`}
		>
			{Array.from({ length: count }, (_, i) => (
				<Pair key={i} index={i} upper={upper} lower={lower} />
			))}
		</div>
	);
}

interface PairProps {
	readonly index: number;
	readonly upper: Pictures | undefined;
	readonly lower: Pictures | undefined;
}

function Pair({ index, upper, lower }: PairProps) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const { width = 28, height = 28 } = upper ?? {};
	useEffect(() => {
		const context = canvas.current?.getContext("2d");
		if (context == null) return;
		if (upper !== undefined) context.putImageData(toImageData(upper, index), 0, 0);
		if (lower !== undefined && index < lower.count) context.putImageData(toImageData(lower, index), 0, height);
	}, [index, upper, lower, height]);
	return (
		<div class="pair">
			<canvas ref={canvas} width={width} height={2 * height} class="pixels" aria-hidden />
			<Marks index={index} />
		</div>
	);
}

/** Outlines of the positions that have the code that is pointed at. */
function Marks({ index }: { readonly index: number }) {
	const code = pointedCode.value;
	const shown = codebook.value;
	if (code === undefined || shown === undefined || run.value === undefined) return null;
	const [h, w] = shown.grid;
	const at = Array.from({ length: h * w }, (_, i) => i).filter((i) => shown.shown[index * h * w + i] === code);
	return (
		<svg class="marks" viewBox={`0 0 ${w} ${2 * h}`} preserveAspectRatio="none" aria-hidden>
			{at.map((i) => (
				<rect key={i} x={i % w} y={h + Math.floor(i / w)} width="1" height="1" />
			))}
		</svg>
	);
}
