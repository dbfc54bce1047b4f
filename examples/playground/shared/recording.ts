// A recorded run, which the page shows if it cannot train. record.ts makes its files.
import type { RunInfo, TestMetrics } from "./frames.js";
import type { Settings } from "./settings.js";

export interface Recording {
	readonly format: "tessera-recording";
	readonly version: 1;
	/** ISO 8601 */
	readonly date: string;
	/** The version of the library, and the adapter that it ran on. */
	readonly library: string;
	readonly adapter: string;
	readonly settings: Settings;
	readonly run: RunInfo;
	/** When the model was looked at. */
	readonly moments: readonly (TestMetrics & { readonly seconds: number })[];
	/** Training steps with their losses, thinned. */
	readonly training: {
		readonly steps: readonly number[];
		readonly nmse: readonly number[];
		readonly perplexity: readonly number[];
	};
	/** How often each code occurs at the end. */
	readonly use: readonly number[];
	/** The codes of the test images at the end, [count, h, w]. */
	readonly codes: readonly number[];
	/** Latents and codes in a plane at the end; see `PlaneView`. */
	readonly plane: {
		readonly latents: readonly number[];
		readonly assigned: readonly number[];
		readonly codes: readonly number[];
		readonly explained: number;
	};
	/** Test images in each row of strip.png: the first row has the originals, each other row the reconstructions of a moment. */
	readonly count: number;
	/** The side of each code's patch in patches.png, where they lie in one row. */
	readonly patchSide: number;
}
