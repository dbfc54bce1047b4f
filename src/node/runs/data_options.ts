/** What a training is trained and tested on, on the command line and in config.json. */
export interface DataOptions {
	readonly data: string;
	/** How many training images to use; for the built-in digits, how many to draw. */
	readonly images?: number | undefined;
	/** The side of the square that images are scaled and cropped to; undefined: as they are, or chosen by their sizes. */
	readonly size?: number | undefined;
	/** Which part of an image is used in training. */
	readonly crop?: (typeof crops)[number] | undefined;
	/** Whether half of the images are mirrored in training. */
	readonly flip?: boolean | undefined;
	/** 1 or 3; undefined: 3 if any image has a colour. */
	readonly channels?: number | undefined;
	/** What transparent pixels are composited over. */
	readonly background?: string | undefined;
	/** The share of the training images that is held out. */
	readonly validation?: number | undefined;
	/** The share of files that may be unreadable. */
	readonly maxBad?: number | undefined;
	readonly seed: number;
}

export const crops = ["center", "random"] as const;
export const defaultBackground = "black";
export const defaultMaxBad = 0.01;
