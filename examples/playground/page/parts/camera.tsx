import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { GivenFile } from "../../worker/own_data.js";
import { showError } from "../actions.js";

/** The side of the frames that are kept, in pixels: more than any size of the images. */
const side = 128;
/** Frames a second while it records. */
const recorded = 4;

/** What parts of a frame are taken: all of it, and its corners, as shares of its side. */
const crops = [
	[0, 0, 1],
	[0, 0, 0.75],
	[0.25, 0, 0.75],
	[0, 0.25, 0.75],
	[0.25, 0.25, 0.75],
] as const;

interface CameraProps {
	readonly onFrames: (files: readonly GivenFile[]) => void;
}

/** Frames of the webcam as images. The browser asks for it only after a click. */
export function Camera({ onFrames }: CameraProps) {
	const video = useRef<HTMLVideoElement>(null);
	const stream = useSignal<MediaStream | undefined>(undefined);
	const problem = useSignal<string | undefined>(undefined);
	const frames = useSignal(0);
	const isRecording = useSignal(false);

	const close = () => {
		for (const track of stream.value?.getTracks() ?? []) track.stop();
		stream.value = undefined;
		isRecording.value = false;
	};
	useEffect(() => close, []);
	useEffect(() => {
		if (video.current !== null) video.current.srcObject = stream.value ?? null;
	}, [stream.value]);
	useEffect(() => {
		if (!isRecording.value) return;
		const timer = setInterval(() => addFrame().catch(showError), 1000 / recorded);
		return () => clearInterval(timer);
	}, [isRecording.value]);

	const open = async () => {
		problem.value = undefined;
		try {
			if (navigator.mediaDevices === undefined)
				throw new Error("This page has no access to cameras: it needs https or localhost.");
			stream.value = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } });
			for (const track of stream.value.getTracks()) track.addEventListener("ended", close);
		} catch (error) {
			problem.value = inWords(error);
		}
	};

	const addFrame = async () => {
		const { current: element } = video;
		if (element === null || element.videoWidth === 0) return;
		frames.value += 1;
		const number = frames.value;
		const files = await Promise.all(
			crops.map(async (crop, i) => {
				const name = `webcam frame ${number}, crop ${i + 1}`;
				return { file: new File([await cut(element, crop)], name), path: name };
			}),
		);
		onFrames(files);
	};

	if (stream.value === undefined)
		return (
			<div class="row">
				<button type="button" onClick={open}>
					Use the webcam
				</button>
				{problem.value !== undefined && (
					<p class="problem" role="alert">
						{problem.value}
					</p>
				)}
			</div>
		);
	return (
		<div class="camera">
			<video ref={video} autoplay muted playsInline aria-label="The webcam's picture" />
			<div class="row">
				<button type="button" class="primary" onClick={() => addFrame().catch(showError)}>
					Add a frame
				</button>
				<button
					type="button"
					aria-pressed={isRecording.value}
					onClick={() => {
						isRecording.value = !isRecording.value;
					}}
				>
					Add {recorded} a second
				</button>
				<button type="button" onClick={close}>
					Close the webcam
				</button>
			</div>
			<p class="hint">
				{frames.value} {frames.value === 1 ? "frame" : "frames"} added. Each gives {crops.length} images: its middle
				square and the corners of that. Add at least two frames; twenty are better. Move a little between them.
			</p>
		</div>
	);
}

/** A part of the middle square of what the video shows, as a PNG file. */
async function cut(video: HTMLVideoElement, [left, top, share]: readonly [number, number, number]): Promise<Blob> {
	const { videoWidth, videoHeight } = video;
	const square = Math.min(videoWidth, videoHeight);
	const canvas = document.createElement("canvas");
	canvas.width = side;
	canvas.height = side;
	const [x, y] = [(videoWidth - square) / 2 + left * square, (videoHeight - square) / 2 + top * square];
	canvas.getContext("2d")?.drawImage(video, x, y, share * square, share * square, 0, 0, side, side);
	return new Promise((resolve, reject) =>
		canvas.toBlob((blob) => (blob === null ? reject(new Error("The frame could not be read.")) : resolve(blob))),
	);
}

function inWords(error: unknown): string {
	const { name, message } = error instanceof Error ? error : new Error(String(error));
	if (name === "NotAllowedError")
		return "The browser does not allow this page to use the camera. Its permission is next to the address of the page.";
	if (name === "NotFoundError") return "No camera was found.";
	if (name === "NotReadableError") return "The camera is in use by another program.";
	return message;
}
