import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { imageSizes, type OwnImages } from "../../shared/frames.js";
import { defaultSettings } from "../../shared/settings.js";
import type { ColourMode, GivenFile } from "../../worker/own_data.js";
import { showError, startRun } from "../actions.js";
import { engine } from "../engine.js";
import { formatCount } from "../formats.js";
import { Camera } from "../parts/camera.js";
import { Card } from "../parts/card.js";
import { filesOfDrop } from "../parts/dropped_files.js";
import { Pixels } from "../parts/pixels.js";
import { isReady, onEvent, settings } from "../store.js";
import "./data.css";

const own = signal<OwnImages | undefined>(undefined);
onEvent((event) => {
	if (event.kind === "own images") own.value = event.images;
});

/** Problems that are listed. */
const shownProblems = 6;

function add(files: readonly GivenFile[]): void {
	engine.data.add(files).catch(showError);
}

export function Data() {
	const isOver = useSignal(false);
	const place = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const card = place.current?.closest("section");
		if (card == null) return;
		const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
		const over = (event: DragEvent) => {
			if (!holdsFiles(event)) return;
			event.preventDefault(); // elsewhere the browser would leave the page for the file
			isOver.value = event.target instanceof Node && card.contains(event.target);
		};
		const leave = () => {
			isOver.value = false;
		};
		const drop = (event: DragEvent) => {
			isOver.value = false;
			if (event.dataTransfer === null || !holdsFiles(event) || event.defaultPrevented) return;
			event.preventDefault();
			if (event.target instanceof Node && card.contains(event.target))
				filesOfDrop(event.dataTransfer).then(add).catch(showError);
		};
		addEventListener("dragover", over);
		addEventListener("dragleave", leave);
		addEventListener("drop", drop);
		return () => {
			removeEventListener("dragover", over);
			removeEventListener("dragleave", leave);
			removeEventListener("drop", drop);
		};
	}, []);
	return (
		<Card
			id="data"
			title="Your images"
			lead="Train on images of your own. They are read in this tab and stay on your machine: the page sends nothing anywhere."
		>
			<div ref={place} class={`own ${isOver.value ? "over" : ""}`}>
				<Choose />
				<Camera onFrames={add} />
				<Options />
				<Progress />
				<Read />
			</div>
		</Card>
	);
}

function Choose() {
	const files = useRef<HTMLInputElement>(null);
	const folder = useRef<HTMLInputElement>(null);
	useEffect(() => {
		if (folder.current !== null) folder.current.webkitdirectory = true; // Preact has no attribute for it
	}, []);
	const take = (input: HTMLInputElement) => {
		add(Array.from(input.files ?? [], (file) => ({ file, path: file.webkitRelativePath || file.name })));
		input.value = ""; // so that the same files can be chosen again
	};
	return (
		<div class="choose">
			<p>
				Drop images, a folder or MNIST's files here, or
				<br />
				<button type="button" onClick={() => files.current?.click()}>
					Choose files
				</button>{" "}
				<button type="button" onClick={() => folder.current?.click()}>
					Choose a folder
				</button>
			</p>
			<input ref={files} type="file" multiple hidden onChange={(event) => take(event.currentTarget)} />
			<input ref={folder} type="file" hidden onChange={(event) => take(event.currentTarget)} />
			<p class="hint">
				PNG, JPEG, WebP and other formats that your browser shows; IDX files, also with .gz, with their labels. The
				middle square of each image is scaled. Folders within a folder are classes.
			</p>
		</div>
	);
}

function Options() {
	const { reading, size } = own.value ?? {};
	const colour = useSignal<ColourMode>("automatic");
	return (
		<div class="row">
			<label>
				Size{" "}
				<select
					disabled={reading !== undefined}
					value={String(size ?? "")}
					onChange={(event) => engine.data.setSize(Number(event.currentTarget.value)).catch(showError)}
				>
					{size === undefined && <option value="">by the first image</option>}
					{imageSizes.map((side) => (
						<option key={side} value={String(side)}>
							{side} × {side}
						</option>
					))}
				</select>
			</label>
			<label>
				Channels{" "}
				<select
					disabled={reading !== undefined}
					value={colour.value}
					onChange={(event) => {
						colour.value = event.currentTarget.value as ColourMode;
						engine.data.setColour(colour.value).catch(showError);
					}}
				>
					<option value="automatic">automatic</option>
					<option value="grey">grey</option>
					<option value="colour">colour</option>
				</select>
			</label>
		</div>
	);
}

function Progress() {
	const { reading } = own.value ?? {};
	if (reading === undefined) return null;
	return (
		<div class="row">
			<progress max={Math.max(1, reading.total)} value={reading.done} aria-label="Images read" />
			<span>
				{formatCount(reading.done)} of {formatCount(reading.total)}
			</span>
			<button type="button" class="quiet" onClick={() => engine.data.cancel().catch(showError)}>
				Stop reading
			</button>
		</div>
	);
}

/** What was read, and what can be done with it. */
function Read() {
	const {
		count = 0,
		channels = 1,
		size,
		classes = [],
		thumbnails,
		notes = [],
		problems = [],
		refusal,
		reading,
		name,
	} = own.value ?? {};
	const isOwn = settings.value.data === "own";
	const train = async () => {
		try {
			await startRun({ ...settings.value, data: "own", ...(await engine.data.settings()) });
		} catch (error) {
			showError(error);
		}
	};
	const backToDigits = () => {
		const { data, images, batch, codes } = defaultSettings;
		startRun({ ...settings.value, data, images, batch, codes });
	};
	return (
		<>
			<div aria-live="polite">
				{count > 0 && (
					<p data-figure="own-images">
						{formatCount(count)} {count === 1 ? "image" : "images"} of {size} × {size},{" "}
						{channels === 1 ? "grey" : "colour"}
						{classes.length > 0 ? `, ${classes.length} classes (${shorten(classes)})` : ""}.{" "}
						{notes.map((note) => `${note} `)}
					</p>
				)}
				{refusal !== undefined && (
					<p class="problem" data-figure="own-refusal">
						{refusal}
					</p>
				)}
				{problems.length > 0 && (
					<details class="left-out" open={problems.length <= shownProblems}>
						<summary>
							{problems.length} {problems.length === 1 ? "file was" : "files were"} not read
						</summary>
						<ul>
							{problems.slice(0, 100).map(({ name: file, reason }, i) => (
								<li key={i}>
									<b>{file}</b>: {reason}
								</li>
							))}
							{problems.length > 100 && <li>and {problems.length - 100} more</li>}
						</ul>
					</details>
				)}
			</div>
			{thumbnails !== undefined && (
				<div class="thumbnails" role="img" aria-label={`The first ${thumbnails.count} of your images`}>
					{Array.from({ length: thumbnails.count }, (_, i) => (
						<Pixels key={i} pictures={thumbnails} index={i} />
					))}
				</div>
			)}
			<div class="row">
				<button
					type="button"
					class="primary"
					disabled={!isReady.value || name === undefined || refusal !== undefined || reading !== undefined}
					onClick={train}
				>
					Train on these images
				</button>
				{isOwn && (
					<button type="button" disabled={!isReady.value} onClick={backToDigits}>
						Back to the digits
					</button>
				)}
				{(count > 0 || problems.length > 0) && (
					<button type="button" onClick={() => engine.data.clear().catch(showError)}>
						Forget these images
					</button>
				)}
			</div>
		</>
	);
}

function shorten(names: readonly string[]): string {
	const shown = names.slice(0, 6).join(", ");
	return names.length > 6 ? `${shown} …` : shown;
}
