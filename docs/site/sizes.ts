import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** What a program may import from dist/, and what it is called in the table. */
export const programs: readonly (readonly [name: string, exports: string])[] = [
	["`openDevice`, `matmul`, `relu`", 'export { openDevice, matmul, relu } from "./index.js";'],
	["a convolution that is trained", 'export { openDevice, conv2d, backward, Adam, mseLoss } from "./index.js";'],
	[
		"the VQ-VAE and its trainer",
		'export { openDevice } from "./index.js"; export { Trainer, VQVAE } from "./vqvae.js";',
	],
	[
		"all entries",
		["index", "vqvae", "quantizers", "prior", "digits"].map((e) => `export * from "./${e}.js";`).join(""),
	],
];

/** The bytes, minified and gzipped, that a bundler leaves of dist/ for a program, without what is loaded only on some adapters. */
export async function bundleSize(exports: string): Promise<number> {
	const { outputFiles, metafile } = await build({
		stdin: { contents: exports, resolveDir: "dist", sourcefile: "program.js" },
		bundle: true,
		format: "esm",
		minify: true,
		splitting: true,
		outdir: "out",
		write: false,
		logLevel: "error",
		metafile: true,
	});
	const outputs = Object.entries(metafile.outputs);
	const loaded = new Set(
		outputs.filter(([, { entryPoint }]) => entryPoint?.endsWith("program.js")).map(([file]) => file),
	);
	for (const file of loaded)
		for (const { path, kind } of metafile.outputs[file]?.imports ?? [])
			if (kind === "import-statement") loaded.add(path);
	const texts = outputFiles.filter(({ path }) => [...loaded].some((file) => path.endsWith(file)));
	return gzipSync(Buffer.concat(texts.map(({ contents }) => contents)), { level: 9 }).length;
}
