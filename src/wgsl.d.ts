/** A kernel as build.mjs hands it over: the text of one file of kernels/, with its comments blanked. */
declare module "*.wgsl" {
	const kernel: { readonly name: string; readonly source: string };
	export default kernel;
}

/** A test fixture as bytes (build.mjs loads it so for Node and for the browser). */
declare module "*.safetensors" {
	const bytes: Uint8Array;
	export default bytes;
}
