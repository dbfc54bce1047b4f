// Classes of the user's images.
import type { SquareImage } from "./square_images.js";

/** Labels are bytes. */
const mostClasses = 256;

/** One of the user's images, with what its class may follow from. */
export interface OwnImage extends SquareImage {
	/** Of its bytes: the same image is kept once, and the order of images does not depend on that of the files. */
	readonly hash: string;
	/** The folder that it is in, "" for none. */
	readonly folder: string;
	/** The IDX file that it is from, and its number there. */
	readonly idx: { readonly file: IdxImages; readonly index: number } | undefined;
}

/** An IDX file of images. */
export interface IdxImages {
	readonly count: number;
	labels?: Uint8Array;
}

/** Classes of images: the labels of IDX files, or the names of folders, if every image has one and there are several. */
export function classesOf(images: readonly OwnImage[]): {
	readonly classes: readonly string[];
	readonly labels: Uint8Array | undefined;
	readonly note: string | undefined;
} {
	const names = images.map(({ idx, folder }) => {
		const label = idx?.file.labels?.[idx.index];
		return label === undefined ? folder : String(label);
	});
	const without = { classes: [], labels: undefined };
	const classes = [...new Set(names)].sort(new Intl.Collator("en", { numeric: true }).compare);
	if (classes.length < 2) return { ...without, note: undefined };
	if (classes.includes(""))
		return {
			...without,
			note: "Some images have no class, so classes are not used: put each image into the folder of its class.",
		};
	if (classes.length > mostClasses)
		return {
			...without,
			note: `There are ${classes.length} folders, but at most ${mostClasses} classes: classes are not used.`,
		};
	const numbers = new Map(classes.map((name, i) => [name, i]));
	return { classes, labels: Uint8Array.from(names, (name) => numbers.get(name) as number), note: undefined };
}
