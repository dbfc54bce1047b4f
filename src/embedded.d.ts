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
