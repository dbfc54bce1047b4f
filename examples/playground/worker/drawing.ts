import { add, noGrad, scale, type Tensor } from "tessera-gpu";
import type { Pictures } from "../shared/frames.js";
import { fromPictures, toPictures } from "./pictures.js";
import type { Session } from "./session.js";
import type { TrainingRun } from "./training_run.js";

/** Codes of one image, and what the decoder makes of them. */
export interface Coded {
	/** [h, w], or [h, w, levels] */
	readonly codes: Uint32Array;
	readonly picture: Pictures;
	/** The step of the model. */
	readonly step: number;
}

/** The run that a request was meant for is not shown any more. */
export class RunEndedError extends Error {
	override readonly name = "RunEndedError";
	constructor() {
		super("Another run is shown now.");
	}
}

/**
 * Images to codes and back, for the pad and the grid of codes. Each request names its run: codes and images of one run do not
 * fit another one, which may have begun while the request was on its way.
 */
export class Drawing {
	constructor(private readonly session: Session) {}

	/** The codes of a drawing, and their picture. */
	encode(id: string, drawing: Pictures): Promise<Coded> {
		return this.withRun(id, (run) => {
			const { count, channels, height, width } = drawing;
			return run.gpu.tensor(fromPictures(drawing), [count, channels, height, width]);
		});
	}

	/** The codes of a test image, and their picture. */
	encodeTest(id: string, index: number): Promise<Coded> {
		return this.withRun(id, (run) => run.images.testImages(Uint32Array.of(index % run.images.images.test.count)));
	}

	/** A test image. */
	async testImage(id: string, index: number): Promise<Pictures> {
		const { test } = this.runOf(id).images.images;
		const size = test.channels * test.height * test.width;
		const start = (index % test.count) * size;
		const values = Float32Array.from(test.pixels.subarray(start, start + size), (byte) => byte / 255 - 0.5);
		return toPictures(values, [1, test.channels, test.height, test.width]);
	}

	/** What the decoder makes of grids of codes. @param codes [count, h, w], or [count, h, w, levels] */
	decode(id: string, codes: Uint32Array, count: number): Promise<Pictures> {
		return this.session.scheduler.answer(() => {
			const run = this.runOf(id);
			return run.hold(async () => {
				const { grid, levels } = run.info;
				const shape = levels === 1 ? [count, ...grid] : [count, ...grid, levels];
				const picture = run.gpu.scope(() => run.model.decode(run.gpu.tensor(codes, shape)));
				return readPictures(picture);
			});
		});
	}

	/**
	 * Test images between two, in the space of latents: each mixture of their latents is quantized and decoded.
	 *
	 * @param count pictures, the two included
	 */
	interpolate(id: string, from: number, to: number, count: number): Promise<Pictures> {
		return this.session.scheduler.answer(() => {
			const run = this.runOf(id);
			return run.hold(async () => {
				const { model, images, gpu } = run;
				const total = images.images.test.count;
				const pictures = gpu.scope(() =>
					noGrad(() => {
						const latentsOf = (index: number) =>
							model.encoder.forward(images.testImages(Uint32Array.of(index % total)));
						const [a, b] = [latentsOf(from), latentsOf(to)];
						return Array.from({ length: count }, (_, i) => {
							const share = i / (count - 1);
							const mixed = add(scale(a, 1 - share), scale(b, share));
							return model.decoder.forward(model.vqLayer.lookup(model.vqLayer.encode(mixed)));
						});
					}),
				);
				const read = await Promise.all(pictures.map(readPictures));
				const pixels = new Uint8Array(read.reduce((sum, { pixels }) => sum + pixels.length, 0));
				let at = 0;
				for (const { pixels: one } of read) {
					pixels.set(one, at);
					at += one.length;
				}
				return { ...(read[0] as Pictures), count, pixels };
			});
		});
	}

	/** @throws RunEndedError if another run is shown */
	private runOf(id: string): TrainingRun {
		const { session } = this;
		if (!session.hasRun || session.run.id !== id) throw new RunEndedError();
		return session.run;
	}

	private withRun(id: string, make: (run: TrainingRun) => Tensor): Promise<Coded> {
		return this.session.scheduler.answer(() => {
			const run = this.runOf(id);
			return run.hold(async () => {
				const { gpu, model, step } = run;
				const [codes, picture] = gpu.scope(() => {
					const codes = model.encode(make(run));
					return [codes, model.decode(codes)] as const;
				});
				const shape = picture.shape;
				try {
					const [codeData, values] = await gpu.readAll([codes, picture]);
					return { codes: codeData as Uint32Array, picture: toPictures(values as Float32Array, shape), step };
				} finally {
					codes.dispose();
					picture.dispose();
				}
			});
		});
	}
}

/** Reads and frees pictures, float32 [count, C, H, W]. */
async function readPictures(tensor: Tensor): Promise<Pictures> {
	try {
		return toPictures(await tensor.data(), tensor.shape);
	} finally {
		tensor.dispose();
	}
}
