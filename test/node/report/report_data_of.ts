import { imageGrid } from "../../../src/node/images/image_grid.js";
import type { ModelPictures, Picture, ReportData, TestRow } from "../../../src/node/report/report_types.js";

/** A picture of one shade. */
export function pictureOfShade(shade: number, width: number, height = width): Picture {
	const images = new Uint8Array(width * height).fill(shade);
	const png = imageGrid({ images, count: 1, channels: 1, height, width, columns: 1, scale: 1, gap: 0 });
	return { png: Buffer.from(png).toString("base64"), width, height };
}

/** Rows of steps whose loss falls. */
export function stepRows(count: number): TestRow[] {
	return Array.from({ length: count }, (_, i) => ({
		epoch: 1 + Math.floor(i / 100),
		step: i + 1,
		loss: 3 / (i + 1),
		reconLoss: 2 / (i + 1),
		commitmentLoss: 1 / (i + 1),
		perplexity: 10 + i / 100,
		lr: 0.01,
	}));
}

/** What a model with so many codes has given, every third of them unused. */
export function modelPictures(codes: number): ModelPictures {
	const shown = Math.min(1024, codes);
	const image = (index: number) => ({
		index,
		label: index % 3,
		nmse: 0.1 * index,
		original: pictureOfShade(200, 28),
		reconstruction: pictureOfShade(120, 28),
	});
	return {
		version: 1,
		step: 200,
		images: { count: 500, looked: 300, channels: 1, height: 28, width: 28, shrunk: 1 },
		examples: [0, 1, 2, 3].map(image),
		worst: [7, 6].map(image),
		maps: [{ index: 0, label: 0, original: pictureOfShade(200, 28), levels: [pictureOfShade(90, 7)] }],
		codes: [
			{
				total: codes,
				unused: Math.floor(codes / 3),
				uses: 14_700,
				shown: Array.from({ length: shown }, (_, i) => [i, i % 3 === 0 ? 0 : codes - i] as const),
				patches: pictureOfShade(160, 8 * Math.min(32, shown), 8 * Math.ceil(shown / 32)),
				columns: Math.min(32, shown),
			},
		],
		use: [100, 200].map((step) => ({ step, bins: [codes, 0, 0, 0, 0, 0] })),
	};
}

/** What a page shows of a run that goes on. */
export function reportData(changes: Partial<ReportData> = {}): ReportData {
	return {
		name: "run",
		written: "2026-03-04T05:06:07.000Z",
		training: "model",
		state: "running",
		heldOut: "validation",
		config: { data: "digits", epochs: 3, lr: 0.006, adapter: "a GPU", version: "0.1.0" },
		metrics: {
			steps: stepRows(200),
			tests: [100, 200].map((step) => ({
				epoch: step / 100,
				step,
				nmse: 5 / step,
				perplexity: 20,
				codesInUse: 50,
				imagesPerSecond: 300,
				seconds: step,
			})),
		},
		model: modelPictures(64),
		prior: {
			steps: [{ epoch: 1, step: 1, nats: 3.5 }],
			tests: [{ epoch: 1, step: 1, nats: 3.4, bitsPerImage: 240, bitsPerDim: 0.3 }],
			metadata: { layers: "6" },
			samples: { picture: pictureOfShade(100, 228, 116), bytes: 500, rows: 3 },
		},
		...changes,
	};
}
