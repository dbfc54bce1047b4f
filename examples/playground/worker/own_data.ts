import { gunzipIfNeeded, type ImageSet, parseIdx } from "tessera-gpu";
import { imageSizes, type OwnImages, type Pictures } from "../shared/frames.js";
import { splitImages } from "./data.js";
import { classesOf, type IdxImages, type OwnImage } from "./own_classes.js";
import type { Session } from "./session.js";
import { sha256 } from "./sha256.js";
import { decodePicture, greyBitmap, type SquareImage, Squares, writePlanes } from "./square_images.js";

/** A file with its path in the folder that was opened, or its name. */
export interface GivenFile {
	readonly file: File;
	readonly path: string;
}

export type ColourMode = "automatic" | "grey" | "colour";

/** Settings that are chosen for the images; the others stay. */
export interface OwnSettings {
	readonly images: number;
	readonly batch: number;
	readonly codes: number;
}

/** The largest size that is chosen by itself on an adapter that computes on the CPU. */
const sizeOnCpu = 32;
/** Fewer images are refused. */
const fewestImages = 8;
/** More are not read: they are one buffer on the GPU, and 128 MiB is the largest binding that every device allows. */
const mostBytes = 120_000_000;
const mostImages = 60_000;
/** Bytes of an IDX file at most, unpacked. */
const mostIdxBytes = 256_000_000;
/** Files that are decoded at once: as many, or as many bytes. */
const decodedAtOnce = { files: 8, bytes: 4_000_000 };
const thumbnails = 24;
/** Milliseconds between two messages about the progress, and between two pauses for messages of the page. */
const progressInterval = 150;
const pauseInterval = 10;
/** What file managers leave in folders. */
const ignored = /(^|\/)(\.|Thumbs\.db$|desktop\.ini$|__MACOSX\/)/i;

/** Labels of an IDX file, for one of images. */
interface IdxLabels {
	readonly path: string;
	readonly labels: Uint8Array;
}

/** Reads the user's images, and gives them to the session. */
export class OwnData {
	private files: GivenFile[] = [];
	private images: OwnImage[] = [];
	private known = new Set<string>();
	private idxFiles: IdxImages[] = [];
	private idxLabels: IdxLabels[] = [];
	private problems: { readonly name: string; readonly reason: string }[] = [];
	private duplicates = 0;
	private leftOut = 0;
	private hasColour = false;
	private size: number | undefined;
	private colour: ColourMode = "automatic";
	private made:
		| { readonly set: ImageSet; readonly classes: readonly string[]; readonly note: string | undefined }
		| undefined;
	private reading: Promise<void> = Promise.resolve();
	/** Calls of `add` whose files are being read, or wait. */
	private pending = 0;
	/** Counted up when what is being read is no longer wanted. */
	private generation = 0;
	private progress: { done: number; total: number } | undefined;
	private lastMessage = 0;
	private lastPause = 0;
	private cutter: Squares | undefined;

	constructor(private readonly session: Session) {}

	/** Reads more files. */
	add(files: readonly GivenFile[]): Promise<void> {
		return this.enqueue(files.filter(({ path }) => !ignored.test(path)));
	}

	/** Scales all images to another size, which reads them again. */
	setSize(size: number): Promise<void> {
		const { files } = this;
		this.clear();
		this.size = size;
		return this.enqueue(files);
	}

	async setColour(colour: ColourMode): Promise<void> {
		this.colour = colour;
		await this.reading;
		await this.finish();
	}

	/** Stops reading; what was read is kept. */
	cancel(): void {
		this.generation += 1;
	}

	/** Forgets all images. */
	clear(): void {
		this.generation += 1;
		this.files = [];
		this.images = [];
		this.known = new Set();
		this.idxFiles = [];
		this.idxLabels = [];
		this.problems = [];
		this.duplicates = 0;
		this.leftOut = 0;
		this.hasColour = false;
		this.size = undefined;
		this.made = undefined;
		this.progress = undefined;
		this.session.setOwnImages(undefined);
		this.tell();
	}

	/** Settings for a run on the images. @throws Error in words if there are too few of them */
	settings(): OwnSettings {
		const { made, refusal } = this;
		if (made === undefined || refusal !== undefined) throw new Error(refusal ?? "No images have been read.");
		const { count, height, width } = splitImages(made.set, made.classes).train;
		// About 32 latents for each code, so that most codes are used.
		const latents = (count * height * width) / 16;
		const most = made.set.channels === 3 ? 256 : 128;
		return {
			images: count,
			batch: powerOfTwo(Math.min(16, count)),
			codes: Math.max(16, Math.min(most, powerOfTwo(latents / 32))),
		};
	}

	private enqueue(files: readonly GivenFile[]): Promise<void> {
		const { generation } = this;
		this.progress = { done: this.progress?.done ?? 0, total: (this.progress?.total ?? 0) + files.length };
		this.pending += 1;
		this.tell();
		const next = this.reading.then(async () => {
			try {
				await this.read(files, generation);
			} finally {
				this.pending -= 1;
			}
			if (this.pending > 0) return;
			this.progress = undefined;
			await this.finish();
		});
		this.reading = next.catch(() => {}); // the caller hears of the error; later files are read all the same
		return next;
	}

	private async read(files: readonly GivenFile[], generation: number): Promise<void> {
		for (let first = 0; first < files.length && this.generation === generation; ) {
			// The first image decides the size, so it is read alone.
			const group = this.size === undefined ? files.slice(first, first + 1) : takeGroup(files, first);
			first += group.length;
			const read = await Promise.all(group.map((file) => this.decode(file, generation)));
			for (const keep of read) await keep();
			if (this.generation !== generation) return;
			this.files.push(...group);
			if (this.progress !== undefined) this.progress.done += group.length;
			await this.pause();
		}
	}

	/** Decodes a file; what it returns keeps the result. So files are decoded together, and kept in their order. */
	private async decode({ file, path }: GivenFile, generation: number): Promise<() => Promise<void>> {
		const reporting = (keep: () => Promise<void>) => async () => {
			try {
				if (this.generation === generation) await keep();
			} catch (error) {
				this.problems.push({ name: path, reason: error instanceof Error ? error.message : String(error) });
			}
		};
		try {
			const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
			const isGzip = start[0] === 0x1f && start[1] === 0x8b;
			const isIdx = start[0] === 0 && start[1] === 0 && start[2] === 8;
			if (isGzip || isIdx) {
				const bytes = await gunzipIfNeeded(await file.arrayBuffer(), mostIdxBytes);
				return reporting(() => this.keepIdx(path, bytes, generation));
			}
			const bitmap = await decodePicture(file);
			if (this.generation !== generation) return async () => bitmap.close();
			const image = await this.squares(Math.min(bitmap.width, bitmap.height)).of(bitmap);
			return reporting(() => this.keep(image, folderOf(path), undefined, generation));
		} catch (error) {
			return reporting(() => Promise.reject(error));
		}
	}

	/** @param side of the picture that is about to be read: the first one decides the size, unless the user has */
	private squares(side: number): Squares {
		if (this.size === undefined) {
			const fitting = imageSizes.filter((size) => size <= side && (size <= sizeOnCpu || !this.session.isSlow));
			this.size = fitting.at(-1) ?? imageSizes[0];
		}
		if (this.cutter?.size !== this.size) this.cutter = new Squares(this.size);
		return this.cutter;
	}

	/** Images or labels of an IDX file. */
	private async keepIdx(path: string, bytes: Uint8Array, generation: number): Promise<void> {
		const { shape, data } = parseIdx(bytes);
		if (shape.length === 1) {
			this.idxLabels.push({ path, labels: data });
			return;
		}
		if (shape.length !== 3)
			throw new Error(
				`IDX file of shape [${shape.join(", ")}]: only images [count, height, width] and labels [count] are read`,
			);
		const [count, height, width] = shape as [number, number, number];
		const file: IdxImages = { count };
		this.idxFiles.push(file);
		const squares = this.squares(Math.min(height, width));
		const isExact = height === squares.size && width === squares.size;
		if (this.progress !== undefined) this.progress.total += count;
		for (let index = 0; index < count; index++) {
			const grey = data.subarray(index * height * width, (index + 1) * height * width);
			const image: SquareImage = isExact
				? { channels: 1, pixels: grey }
				: await squares.of(await greyBitmap(grey, width, height));
			if (this.generation !== generation) return;
			await this.keep(image, "", { file, index }, generation);
			if (this.progress !== undefined) this.progress.done += 1;
			await this.pause();
		}
	}

	private async keep(image: SquareImage, folder: string, idx: OwnImage["idx"], generation: number): Promise<void> {
		const hash = await sha256(image.pixels);
		if (this.generation !== generation) return;
		if (this.known.has(hash)) {
			this.duplicates += 1;
			return;
		}
		this.hasColour ||= image.channels === 3;
		if (this.images.length >= mostOf(this.size ?? 0, this.channels)) {
			this.leftOut += 1;
			return;
		}
		this.known.add(hash);
		this.images.push({ ...image, hash, folder, idx });
	}

	private get channels(): 1 | 3 {
		if (this.colour === "automatic") return this.hasColour ? 3 : 1;
		return this.colour === "colour" ? 3 : 1;
	}

	/** Makes the set of what was read. */
	private async finish(): Promise<void> {
		this.matchLabels();
		this.made = this.images.length === 0 ? undefined : await this.makeSet();
		const { made } = this;
		this.session.setOwnImages(
			made === undefined || this.refusal !== undefined ? undefined : splitImages(made.set, made.classes),
		);
		this.tell();
	}

	/** Labels belong to the images of which there are as many. */
	private matchLabels(): void {
		for (const { path, labels } of this.idxLabels.splice(0)) {
			const images = this.idxFiles.find((file) => file.count === labels.length && file.labels === undefined);
			if (images !== undefined) images.labels = labels;
			else
				this.problems.push({
					name: path,
					reason: `labels of ${labels.length} images, but no IDX file of so many images was added before or with it`,
				});
		}
	}

	private async makeSet() {
		const { size = 0, channels } = this;
		const most = mostOf(size, channels);
		const images = [...this.images].sort((a, b) => (a.hash < b.hash ? -1 : 1)).slice(0, most);
		const { classes, labels, note } = classesOf(images);
		const bytes = channels * size * size;
		const pixels = new Uint8Array(images.length * bytes);
		for (const [i, image] of images.entries()) writePlanes(image, channels, pixels, i * bytes);
		const kind = new TextEncoder().encode(`${size} ${channels} ${classes.join("/")}`);
		const parts = [kind, pixels, labels ?? new Uint8Array(0)];
		const fingerprint = (await sha256(...parts)).slice(0, 6);
		const name = `${images.length.toLocaleString("en-US")} images of yours, ${fingerprint}`;
		const set = { name, count: images.length, channels, height: size, width: size, pixels };
		return { set: labels === undefined ? set : { ...set, labels }, classes, note };
	}

	private get refusal(): string | undefined {
		const count = this.made?.set.count ?? 0;
		return count < fewestImages
			? `At least ${fewestImages} different images are needed, and there ${count === 1 ? "is 1" : `are ${count}`}. A few hundred are better.`
			: undefined;
	}

	private notes(): string[] {
		const { made, duplicates, leftOut, size = 0 } = this;
		const all: string[] = [];
		if (duplicates > 0)
			all.push(
				duplicates === 1
					? "One image was there twice."
					: `${duplicates.toLocaleString("en-US")} images were there before.`,
			);
		const cut = leftOut + this.images.length - (made?.set.count ?? this.images.length);
		if (cut > 0)
			all.push(
				`${cut.toLocaleString("en-US")} images were left out: at most ${mostOf(size, this.channels).toLocaleString("en-US")} of ${size} × ${size} are kept${this.channels === 3 ? " in colour" : ""}.`,
			);
		if (made?.note !== undefined) all.push(made.note);
		return all;
	}

	private tell(): void {
		this.lastMessage = performance.now();
		const { made, progress, problems, size, channels } = this;
		const images: OwnImages = {
			reading: progress === undefined ? undefined : { ...progress },
			count: progress === undefined ? (made?.set.count ?? 0) : this.images.length,
			channels,
			size,
			name: made?.set.name,
			classes: made?.classes ?? [],
			refusal: progress !== undefined || (made === undefined && problems.length === 0) ? undefined : this.refusal,
			notes: this.notes(),
			problems: [...problems],
			thumbnails: this.thumbnails(),
		};
		this.session.emit({ kind: "own images", images });
	}

	private thumbnails(): Pictures | undefined {
		const { size = 0, channels } = this;
		const shown = this.images.slice(0, thumbnails);
		if (shown.length === 0) return undefined;
		const area = size * size;
		const pixels = new Uint8Array(shown.length * area * channels);
		const planes = new Uint8Array(area * channels);
		for (const [i, image] of shown.entries()) {
			writePlanes(image, channels, planes, 0);
			for (let at = 0; at < planes.length; at++)
				pixels[(i * area + (at % area)) * channels + Math.floor(at / area)] = planes[at] as number;
		}
		return { count: shown.length, channels, height: size, width: size, pixels };
	}

	private tellSometimes(): void {
		if (performance.now() - this.lastMessage > progressInterval) this.tell();
	}

	/** Lets training and messages of the page run. */
	private async pause(): Promise<void> {
		if (performance.now() - this.lastPause < pauseInterval) return;
		await new Promise((resolve) => setTimeout(resolve));
		this.lastPause = performance.now();
		this.tellSometimes();
	}
}

function takeGroup(files: readonly GivenFile[], first: number): readonly GivenFile[] {
	let end = first;
	let bytes = 0;
	while (end < files.length && end - first < decodedAtOnce.files && (end === first || bytes < decodedAtOnce.bytes)) {
		bytes += (files[end] as GivenFile).file.size;
		end += 1;
	}
	return files.slice(first, end);
}

/** The name of the folder that a file is in; "" for none. */
function folderOf(path: string): string {
	return path.split("/").at(-2) ?? "";
}

function mostOf(size: number, channels: number): number {
	return Math.min(mostImages, Math.floor(mostBytes / (size * size * channels)));
}

/** The largest power of two that is not above the value. */
function powerOfTwo(value: number): number {
	return 2 ** Math.floor(Math.log2(Math.max(1, value)));
}
