import { transfer } from "comlink";
import type { Evaluation } from "../shared/frames.js";
import type { Settings } from "../shared/settings.js";
import { consecutiveBatches } from "./data.js";
import { evaluate } from "./evaluate.js";
import { readModelFile } from "./read_model.js";
import type { SavedState, Session } from "./session.js";

/** Images that are encoded together. */
const together = 64;

/** Codes of images, as codes-….npy has them. */
export interface ExportedCodes {
	/** Row-major. */
	readonly codes: Uint32Array;
	/** [count, h, w], with several levels [count, h, w, levels] */
	readonly shape: readonly number[];
	/** K */
	readonly most: number;
	readonly step: number;
}

/** Identifies the training images of a run. */
export interface DataMark {
	readonly name: string;
	readonly count: number;
	/** A hash of the pixels: FNV-1a, 32 bits. */
	readonly hash: string;
}

/** Weights, codes and states that the page stores or downloads, and models that it loads. */
export class TakeAlong {
	private readonly hashes = new WeakMap<Uint8Array, string>();

	constructor(private readonly session: Session) {}

	/** model.safetensors of the shown run, and its step. */
	model(): Promise<{ readonly bytes: Uint8Array; readonly step: number }> {
		return this.answer(async (run) => {
			const { step } = run;
			const bytes = await run.saveModel();
			return transfer({ bytes, step }, [bytes.buffer]);
		});
	}

	/** The state of the shown run; undefined if there is none. */
	async state(): Promise<SavedState | undefined> {
		const { session } = this;
		return session.hasRun ? session.scheduler.answer(() => session.keepSafe()) : undefined;
	}

	/** How the shown run does on all test images. */
	evaluation(): Promise<Evaluation> {
		return this.answer(evaluate);
	}

	/** The codes of all training or test images, of one state of the model. */
	codes(split: "train" | "test"): Promise<ExportedCodes> {
		return this.answer(async (run) => {
			const { gpu, model, images, info, step } = run;
			const { count } = images.images[split];
			const made = gpu.scope(() =>
				consecutiveBatches(count, together).map((indices) =>
					gpu.scope(() => model.encode(split === "train" ? images.trainImages(indices) : images.testImages(indices))),
				),
			);
			try {
				const read = await gpu.readAll(made);
				const shape = [count, ...info.grid, ...(info.levels > 1 ? [info.levels] : [])];
				const codes = new Uint32Array(shape.reduce((product, size) => product * size, 1));
				let at = 0;
				for (const part of read) {
					codes.set(part, at);
					at += part.length;
				}
				return transfer({ codes, shape, most: info.codes, step }, [codes.buffer]);
			} finally {
				for (const tensor of made) tensor.dispose();
			}
		});
	}

	/** The training images of these settings. @throws Error as `Session.imagesFor` */
	dataOf(settings: Settings): DataMark {
		const { train } = this.session.imagesFor(settings);
		let hash = this.hashes.get(train.pixels);
		if (hash === undefined) {
			hash = fnv(train.pixels);
			this.hashes.set(train.pixels, hash);
		}
		return { name: train.name, count: train.count, hash };
	}

	/** Shows a model from a file as a new run, which does not train yet. @returns its settings */
	async load(bytes: Uint8Array, id: string): Promise<Settings> {
		const { session } = this;
		const { info, settings: shown } = session.run;
		const { settings, channels } = readModelFile(bytes, shown);
		if (channels !== info.images.channels)
			throw new Error(
				`This model is for images of ${channels} ${channels === 1 ? "channel" : "channels"}, but the images here have ${info.images.channels}: choose such images first, then load the model.`,
			);
		await session.begin(settings, id, { bytes, weightsOnly: true, milliseconds: 0 });
		return settings;
	}

	private answer<T>(body: (run: Session["run"]) => Promise<T>): Promise<T> {
		const { session } = this;
		return session.scheduler.answer(() => {
			const { run } = session;
			return run.hold(() => body(run));
		});
	}
}

function fnv(bytes: Uint8Array): string {
	let hash = 0x811c9dc5;
	for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
	return (hash >>> 0).toString(16).padStart(8, "0");
}
