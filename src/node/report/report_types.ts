/** An image as the page shows it. */
export interface Picture {
	/** PNG bytes in base64. */
	readonly png: string;
	readonly width: number;
	readonly height: number;
}

/** A held-out image and its reconstruction. */
export interface ShownImage {
	/** Its number among the held-out images. */
	readonly index: number;
	readonly label: number | undefined;
	/** Its mean squared error over the variance of the training images. */
	readonly nmse: number;
	readonly original: Picture;
	readonly reconstruction: Picture;
}

/** The codes of an image as colours. */
export interface CodeMap {
	readonly index: number;
	readonly label: number | undefined;
	readonly original: Picture;
	/** One for each level of the quantizer, with a pixel for each code. */
	readonly levels: readonly Picture[];
}

/** The codes of a level of the quantizer, and what each draws. */
export interface CodePatches {
	/** How many codes the level has. */
	readonly total: number;
	/** How many of them were not used. */
	readonly unused: number;
	/** All uses of all codes. */
	readonly uses: number;
	/** The codes that are shown, the most used first, with their uses. */
	readonly shown: readonly (readonly [code: number, uses: number])[];
	/** What they draw, `columns` in a row, without gaps. */
	readonly patches: Picture;
	readonly columns: number;
}

/** How the codes were used at a step. */
export interface CodeUse {
	readonly step: number;
	/** For each bin of `useBins` how many codes are in it. */
	readonly bins: readonly number[];
}

/** What is known of a model from looking at held-out images: report-data.json. */
export interface ModelPictures {
	readonly version: 1;
	/** The step whose weights were looked at. */
	readonly step: number;
	readonly images: {
		/** All held-out images. */
		readonly count: number;
		/** Those that were looked at. */
		readonly looked: number;
		readonly channels: number;
		readonly height: number;
		readonly width: number;
		/** Pictures are shown with so many times fewer rows and columns. */
		readonly shrunk: number;
	};
	readonly examples: readonly ShownImage[];
	/** Those with the largest errors, the largest first. */
	readonly worst: readonly ShownImage[];
	readonly maps: readonly CodeMap[];
	/** By level. */
	readonly codes: readonly CodePatches[];
	/** Oldest first. */
	readonly use: readonly CodeUse[];
}

/** Whether a training goes on, and how it ended. */
export type RunState = "running" | "finished" | "stopped" | "diverged";

/** The numbers of a test of the model or the prior. */
export type TestRow = Readonly<Record<string, number | undefined>> & { readonly step: number };

/** What metrics.jsonl or prior-metrics.jsonl says. */
export interface Metrics {
	readonly steps: readonly TestRow[];
	readonly tests: readonly TestRow[];
}

/** The prior of a run. */
export interface PriorReport extends Metrics {
	/** Metadata of prior.safetensors; undefined until it is written. */
	readonly metadata: Readonly<Record<string, string>> | undefined;
	readonly samples: SamplesPicture | undefined;
}

/** samples.png. */
export interface SamplesPicture {
	/** Without it the file is too large for the page. */
	readonly picture: Picture | undefined;
	readonly bytes: number;
	/** The labels of its rows; undefined if it has none. */
	readonly rows: number | undefined;
}

/** Everything that a page shows. */
export interface ReportData {
	/** The name of the run's folder. */
	readonly name: string;
	/** When the page was written, as ISO 8601. */
	readonly written: string;
	/** Of the training that wrote the page. */
	readonly training: "model" | "prior";
	readonly state: RunState;
	/** What the images are that the model is not trained on. */
	readonly heldOut: "validation" | "test";
	/** config.json. */
	readonly config: Readonly<Record<string, unknown>>;
	readonly metrics: Metrics;
	readonly model: ModelPictures | undefined;
	readonly prior: PriorReport | undefined;
}
