// Builds everything that is run or published.
//   node build.mjs            dist/: the library for browsers and for Node, the command line, type declarations
//   node build.mjs --no-types the same without checking types and writing declarations
//   node build.mjs --tests    build/test/: the test files, for Node and for a browser
//   node build.mjs --bench    build/bench/: the benchmarks
//   node build.mjs --evaluate build/evaluate/: the evaluations of trained models
//   node build.mjs --record   build/examples/playground/: records the run that the playground shows without WebGPU
//   node build.mjs --site     site/: the library's site, and the playground
//   node build.mjs --serve    the same, served on a free port of this machine
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve as resolvePath } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, context } from "esbuild";
import { buildPlayground } from "./examples/playground/build.mjs";
import { filesUnder } from "./files_under.mjs";
import { kernelMinifier } from "./minify_wgsl.mjs";

process.chdir(dirname(fileURLToPath(import.meta.url)));

const minifyKernel = await kernelMinifier("kernels");

/** `import kernel from "./x.wgsl"` gives { name, source }: the file's text, minified, its lines kept for messages. */
const wgsl = {
	name: "wgsl",
	setup({ onLoad }) {
		onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
			const source = minifyKernel(await readFile(path, "utf8"));
			return { loader: "json", contents: JSON.stringify({ name: basename(path), source }) };
		});
	},
};

/** `import source from "./x.ts?thread"` gives the module and what it imports as the text of a CommonJS program, for a thread. */
const thread = {
	name: "thread",
	setup({ onResolve, onLoad }) {
		onResolve({ filter: /\.ts\?thread$/ }, ({ path, resolveDir }) => ({
			path: join(resolveDir, path.slice(0, -"?thread".length)),
			namespace: "thread",
		}));
		onLoad({ filter: /.*/, namespace: "thread" }, async ({ path }) => {
			const { outputFiles } = await build({
				entryPoints: [path],
				bundle: true,
				write: false,
				format: "cjs",
				platform: "node",
				target: "es2022",
			});
			return { loader: "text", contents: outputFiles[0].text, watchFiles: [path] };
		});
	},
};

/**
 * `import text from "./x.css?text"` gives the text of a file, also of a package. `import script from "./x.ts?script"` gives a
 * script for a page: the file with all that it imports, minified.
 */
const embedded = {
	name: "embedded",
	setup({ onLoad, onResolve, resolve }) {
		onResolve({ filter: /\?(text|script)$/ }, async ({ path, importer, resolveDir, kind }) => {
			const [file, how] = path.split("?");
			const found = await resolve(file, { importer, resolveDir, kind });
			// The tests leave packages external, which these files cannot be.
			return { path: found.external ? resolvePath("node_modules", file) : found.path, suffix: `?${how}` };
		});
		onLoad({ filter: /./ }, async ({ path, suffix }) => {
			if (suffix === "?text") return { loader: "text", contents: await readFile(path, "utf8") };
			if (suffix !== "?script") return undefined;
			const { outputFiles } = await build({
				entryPoints: [path],
				bundle: true,
				minify: true,
				format: "iife",
				target: "es2022",
				charset: "utf8",
				write: false,
				platform: "browser",
				ignoreAnnotations: true, // the package has no side effects, but a page's script is nothing else
			});
			return { loader: "text", contents: outputFiles[0].text.trimEnd() };
		});
	},
};

const { version, repository } = JSON.parse(await readFile("package.json", "utf8"));

/** What the code knows of the package. */
const define = {
	TESSERA_VERSION: JSON.stringify(version),
	TESSERA_REPOSITORY: JSON.stringify(repository ?? null),
};

const common = {
	bundle: true,
	format: "esm",
	target: "es2022",
	sourcemap: true,
	logLevel: "warning",
	plugins: [wgsl, thread, embedded],
	define,
	loader: { ".safetensors": "binary" },
	external: ["webgpu", "@sparticuz/chromium", "sharp", "node:*"],
};

/** With this, bundled CommonJS packages load the modules of Node. */
const requireForBundled =
	'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);';

/** In tests and benchmarks the names of the package mean its sources. */
const forNode = {
	"tessera-gpu": "./src/node/index.ts",
	"tessera-gpu/vqvae": "./src/vqvae/index.ts",
	"tessera-gpu/digits": "./src/data/digits.ts",
	"tessera-gpu/prior": "./src/prior/index.ts",
	"tessera-gpu/quantizers": "./src/quantizers/index.ts",
};

/** uvu's assertions, with our own comparison of values for their messages. */
const forTests = { ...forNode, "uvu/assert": "./node_modules/uvu/assert/index.mjs", "uvu/diff": "./test/diff.ts" };

/**
 * The licence texts and notices of the packages whose code is bundled, as their licences require. There may be several
 * versions of a package, nested in the folders of others.
 */
async function writeNotices(inputs, path) {
	// "(disabled):…" stands for a file that a package leaves out in browsers.
	const bundled = inputs.filter((file) => !file.startsWith("(disabled)"));
	const folders = new Set(bundled.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean));
	const notices = new Map();
	for (const folder of folders) {
		const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
		const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
		const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
		const text = texts.map((text) => text.trim()).join("\n\n") || `Licence: ${license}`;
		notices.set(`${name} ${version}`, `${name} ${version}\n\n${text}\n`);
	}
	const sorted = [...notices].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
	await writeFile(path, sorted.join(`\n${"-".repeat(80)}\n\n`));
}

/** The entries of package.json, by the names of their files in dist/. */
const entries = {
	index: "src/index.ts",
	vqvae: "src/vqvae/index.ts",
	digits: "src/data/digits.ts",
	prior: "src/prior/index.ts",
	quantizers: "src/quantizers/index.ts",
	"node/index": "src/node/index.ts",
};

async function buildLibrary() {
	await rm("dist", { recursive: true, force: true });
	// Entries share files, so all of them have the same classes. Names are kept, so that stack traces can be read; lines are
	// short, because Node prints the line that threw. The bundler of a page shortens the names.
	const library = await build({
		...common,
		entryPoints: entries,
		outdir: "dist",
		splitting: true,
		chunkNames: "chunks/[hash]",
		platform: "neutral",
		mainFields: ["module", "main"],
		minifyWhitespace: true,
		minifySyntax: true,
		lineLimit: 120,
		metafile: true,
	});
	// The command line includes the packages that it uses, so installing tessera-gpu installs nothing else.
	const commandLine = await build({
		...common,
		entryPoints: ["src/node/cli/cli.ts"],
		outfile: "dist/node/cli.js",
		platform: "node",
		mainFields: ["module", "main"],
		banner: { js: `#!/usr/bin/env node\n${requireForBundled}` },
		metafile: true,
	});
	await chmod("dist/node/cli.js", 0o755);
	await writeNotices(
		[library, commandLine].flatMap(({ metafile }) => Object.keys(metafile.inputs)),
		"dist/THIRD_PARTY_LICENSES.txt",
	);
	if (process.argv.includes("--no-types")) return;
	execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "src/tsconfig.json"], { stdio: "inherit" });
	await removeUnreached("dist/types", Object.values(entries));
}

/** Removes the declarations that no entry imports. */
async function removeUnreached(folder, sources) {
	const reached = new Set(sources.map((source) => join(folder, source.replace(/^src\/(.*)\.ts$/, "$1.d.ts"))));
	for (const file of reached) {
		const text = await readFile(file, "utf8");
		for (const [, path] of text.matchAll(/\bfrom "(\.[^"]+)\.js"/g)) reached.add(join(dirname(file), `${path}.d.ts`));
	}
	for (const file of await filesUnder(folder, /\.d\.ts$/)) if (!reached.has(file)) await rm(file);
}

async function buildTests() {
	await rm("build/test", { recursive: true, force: true });
	const tests = await filesUnder("test", /\.test\.ts$/);
	const forBrowsers = tests.filter((file) => !file.startsWith(join("test", "node")));
	await build({
		...common,
		entryPoints: [
			...tests,
			"test/run.ts",
			"test/fingerprint.ts",
			"test/browser/run.ts",
			"test/types/run.ts",
			"test/docs/run.ts",
			"test/load/run.ts",
			"test/mutants/run.ts",
			"test/playground/run.ts",
			"test/playground/firefox.ts",
			"test/playground/pictures.ts",
		],
		outbase: "test",
		outdir: "build/test/node",
		splitting: true,
		platform: "node",
		alias: forTests,
		packages: "external",
	});
	const entry = [
		'import "./test/browser/setup.ts";',
		...forBrowsers.map((file) => `import "./${file}";`),
		'import "./test/browser/report.ts";',
	];
	await build({
		...common,
		stdin: { contents: entry.join("\n"), resolveDir: ".", loader: "ts" },
		ignoreAnnotations: true, // the package has no side effects, but its tests are nothing else
		outfile: "build/test/browser/tests.js",
		platform: "browser",
		alias: { ...forTests, "tessera-gpu": "./src/index.ts" },
	});
	await mkdir("build/test/browser", { recursive: true });
	await writeFile(
		"build/test/browser/index.html",
		'<!doctype html><meta charset="utf-8"><title>Tessera tests</title><script type="module" src="tests.js"></script>\n',
	);
}

/** The programs of a folder, bench/, evaluate/ or examples/playground/: its .ts files, not those of its subfolders. */
async function buildPrograms(folder) {
	await rm(join("build", folder), { recursive: true, force: true });
	const files = await readdir(folder);
	const { devDependencies } = JSON.parse(await readFile("package.json", "utf8"));
	// tfjs is bundled from its ES modules, because the file that Node would load has no gradients.
	const notTfjs = Object.keys(devDependencies).filter((name) => !name.startsWith("@tensorflow/"));
	await build({
		...common,
		entryPoints: files.filter((file) => file.endsWith(".ts")).map((file) => join(folder, file)),
		outdir: join("build", folder),
		splitting: true,
		platform: "node",
		mainFields: ["module", "main"],
		banner: { js: requireForBundled },
		alias: forNode,
		external: [...common.external, ...notTfjs, "node-fetch"],
	});
}

/** site/: the library, its pages, and the playground. */
async function buildSite() {
	await buildLibrary();
	await build({
		...common,
		entryPoints: ["docs/site/build.ts"],
		outfile: "build/site/build.js",
		platform: "node",
		packages: "external",
	});
	const { writeSite } = await import(pathToFileURL(resolvePath("build/site/build.js")).href);
	await writeSite("site"); // leaves site/playground/ as it is
	const inputs = await buildPlayground("site/playground", define);
	await writeNotices(inputs, "site/playground/THIRD_PARTY_LICENSES.txt");
}

/** Serves site/ on the loopback address. */
async function serveSite() {
	const server = await context({});
	const { port } = await server.serve({ servedir: "site", host: "127.0.0.1" });
	console.log(`The playground is at http://127.0.0.1:${port}/playground/ (Ctrl+C ends it).`);
}

if (process.argv.includes("--site") || process.argv.includes("--serve")) {
	await buildSite();
	if (process.argv.includes("--serve")) await serveSite();
} else if (process.argv.includes("--tests")) await buildTests();
else if (process.argv.includes("--bench")) await buildPrograms("bench");
else if (process.argv.includes("--evaluate")) await buildPrograms("evaluate");
else if (process.argv.includes("--record")) await buildPrograms("examples/playground");
else await buildLibrary();
