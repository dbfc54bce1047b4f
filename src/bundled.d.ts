/** A kernel as build.mjs bundles it: the name and the minified text of one file of kernels/. */
declare module "*.wgsl" {
	const kernel: { readonly name: string; readonly source: string };
	export default kernel;
}

/** A test fixture as bytes (build.mjs loads it so for Node and for the browser). */
declare module "*.safetensors" {
	const bytes: Uint8Array;
	export default bytes;
}

/** A module with what it imports, as the text of a program for a thread; see build.mjs. */
declare module "*.ts?thread" {
	const source: string;
	export default source;
}

/** The text of a file, which build.mjs bundles. */
declare module "*?text" {
	const text: string;
	export default text;
}

/** A script for a page: a file with all that it imports, minified, as build.mjs bundles it. */
declare module "*?script" {
	const script: string;
	export default script;
}

/** The version of the package; see build.mjs. */
declare const TESSERA_VERSION: string;
