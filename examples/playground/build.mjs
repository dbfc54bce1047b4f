// Builds the playground; `node build.mjs --site` calls it from the root of the repository.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { build } from "esbuild";
import temml from "temml";
import { filesUnder } from "../../files_under.mjs";

const playground = "examples/playground";

/** `import formula from "./x.tex"` gives MathML, which browsers typeset themselves. */
const formulas = {
	name: "formulas",
	setup({ onLoad }) {
		onLoad({ filter: /\.tex$/ }, async ({ path }) => ({
			loader: "text",
			contents: temml.renderToString((await readFile(path, "utf8")).trim(), { displayMode: true, throwOnError: true }),
		}));
	},
};

/** The playground imports the library as a user of the package does: from dist/. */
const published = {
	"tessera-gpu": "./dist/index.js",
	"tessera-gpu/vqvae": "./dist/vqvae.js",
	"tessera-gpu/digits": "./dist/digits.js",
	"tessera-gpu/prior": "./dist/prior.js",
	"tessera-gpu/quantizers": "./dist/quantizers.js",
};

/**
 * The playground: static files that work under any path.
 *
 * @param out the folder, which is emptied
 * @param define the constants of the build
 * @returns the paths of the bundled files
 */
export async function buildPlayground(out, define) {
	await rm(out, { recursive: true, force: true });
	const common = {
		bundle: true,
		format: "esm",
		target: "es2022",
		logLevel: "warning",
		splitting: true,
		minify: true,
		charset: "utf8",
		alias: published,
		jsx: "automatic",
		jsxImportSource: "preact",
		entryNames: "[name]",
		chunkNames: "chunks/[name]-[hash]",
		metafile: true,
		outdir: out,
		plugins: [formulas],
		define,
		// dist/ imports chunks for their side effects, of which it has none.
		logOverride: { "ignored-bare-import": "silent" },
	};
	const worker = await build({ ...common, entryPoints: [`${playground}/worker/worker.ts`] });
	const page = await build({ ...common, entryPoints: [`${playground}/page/main.tsx`] });
	for (const file of ["index.html", "manifest.webmanifest", "icon.svg"])
		await copyFile(`${playground}/page/${file}`, `${out}/${file}`);
	await mkdir(`${out}/recorded`);
	for (const file of await readdir(`${playground}/recorded`))
		await copyFile(`${playground}/recorded/${file}`, `${out}/recorded/${file}`);
	// Browsers show .txt files, and offer to save .wgsl files.
	await mkdir(`${out}/kernels`);
	for (const file of await filesUnder("kernels", /\.wgsl$/)) await copyFile(file, `${out}/${file}.txt`);
	await buildServiceWorker(out);
	return [worker, page].flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/** The service worker stores what the page needs when it is installed; other files, such as TensorFlow.js, when they are fetched. */
async function buildServiceWorker(out) {
	const all = await filesUnder(out, /\.(html|js|css|webmanifest|svg)$/);
	const files = all.filter((file) => !/\/tfjs-[^/]*$/.test(file));
	const hash = createHash("sha256");
	for (const file of files) hash.update(await readFile(file));
	const names = files.map((file) => file.slice(out.length + 1).replace(/^index\.html$/, "./"));
	await build({
		entryPoints: [`${playground}/service_worker/service_worker.ts`],
		outfile: `${out}/service_worker.js`,
		bundle: true,
		minify: true,
		format: "iife",
		target: "es2022",
		logLevel: "warning",
		define: { FILES: JSON.stringify(names), VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)) },
	});
}
