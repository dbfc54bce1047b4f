// Loads the recorded run, and shows its moments through the same signals as a run that trains.
import { batch } from "@preact/signals";
import type { Pictures } from "../../shared/frames.js";
import type { Recording } from "../../shared/recording.js";
import { codebook, originals, plane, receive, reconstructions, seconds, step, test } from "../store.js";

export interface RecordedRun {
	readonly recording: Recording;
	readonly originals: Pictures;
	/** Of each moment. */
	readonly reconstructions: readonly Pictures[];
	readonly patches: Pictures;
}

/** @throws Error if a file is missing */
export async function loadRecordedRun(): Promise<RecordedRun> {
	const at = (name: string) => new URL(`recorded/${name}`, document.baseURI);
	const get = async (name: string) => {
		const response = await fetch(at(name));
		if (!response.ok) throw new Error(`The recorded run could not be loaded: ${name} gives ${response.status}.`);
		return response;
	};
	const [recording, strip, patches] = await Promise.all([
		get("run.json").then((response) => response.json() as Promise<Recording>),
		get("strip.png").then(pixelsOf),
		get("patches.png").then(pixelsOf),
	]);
	const { count, moments, run, patchSide } = recording;
	const rows = Array.from({ length: moments.length + 1 }, (_, row) =>
		rowOf(strip, row, count, run.images.width, run.images.height),
	);
	const [first, ...others] = rows;
	if (first === undefined) throw new Error("The recorded run is empty.");
	return {
		recording,
		originals: first,
		reconstructions: others,
		patches: rowOf(patches, 0, run.codes, patchSide, patchSide),
	};
}

async function pixelsOf(response: Response): Promise<ImageData> {
	const bitmap = await createImageBitmap(await response.blob());
	const canvas = document.createElement("canvas");
	canvas.width = bitmap.width;
	canvas.height = bitmap.height;
	const context = canvas.getContext("2d", { willReadFrequently: true });
	if (context === null) throw new Error("This browser has no canvas.");
	context.drawImage(bitmap, 0, 0);
	bitmap.close();
	return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** A row of grey pictures that lie side by side. */
function rowOf(sheet: ImageData, row: number, count: number, width: number, height: number): Pictures {
	const pixels = new Uint8Array(count * width * height);
	for (let at = 0; at < pixels.length; at++) {
		const [image, y, x] = [Math.floor(at / (width * height)), Math.floor(at / width) % height, at % width];
		pixels[at] = sheet.data[4 * ((row * height + y) * sheet.width + image * width + x)] as number;
	}
	return { count, channels: 1, height, width, pixels };
}

/** Shows a moment, as if the run trained now. */
export function showMoment({ recording, ...pictures }: RecordedRun, index: number): void {
	const moment = recording.moments[index];
	if (moment === undefined) return;
	const { latents, assigned, codes, explained } = recording.plane;
	const isLast = index === recording.moments.length - 1;
	batch(() => {
		receive({ kind: "run", run: recording.run, settings: recording.settings });
		originals.value = pictures.originals;
		reconstructions.value = pictures.reconstructions[index];
		step.value = moment.step;
		seconds.value = moment.seconds;
		test.value = moment;
		codebook.value = {
			patches: pictures.patches,
			use: Float32Array.from(recording.use),
			reborn: new Uint8Array(recording.run.codes),
			// The codes were recorded at the end only.
			shown: isLast ? Uint32Array.from(recording.codes) : new Uint32Array(recording.codes.length).fill(2 ** 32 - 1),
			grid: recording.run.grid,
		};
		plane.value = {
			latents: Float32Array.from(latents),
			assigned: Uint32Array.from(assigned),
			codes: Float32Array.from(codes),
			explained,
		};
	});
}
