import { DataError } from "../../base/errors.js";

/** A package that an optional feature needs is missing. */
export class MissingPackageError extends DataError {}

type Sharp = typeof import("sharp")["default"];

let loaded: Promise<Sharp> | undefined;

/**
 * The package sharp, which decodes and scales images. It is loaded when it is first needed, because it is optional: PNG
 * files that need no scaling are read without it.
 *
 * @param purpose what needs it, as the start of a sentence: "A JPEG file"
 * @throws MissingPackageError that says how to install it
 */
export async function loadSharp(purpose: string): Promise<Sharp> {
	loaded ??= import("sharp").then(({ default: sharp }) => {
		// Images are decoded in parallel, by one thread each, and none is decoded twice.
		sharp.concurrency(1);
		sharp.cache(false);
		return sharp;
	});
	try {
		return await loaded;
	} catch (cause) {
		loaded = undefined;
		throw new MissingPackageError(
			`${purpose} needs the package sharp, which is not installed or does not load: run \`npm install sharp\`, or convert the images to PNG files of one size.`,
			{ cause },
		);
	}
}
