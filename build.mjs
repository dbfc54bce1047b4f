// Builds everything that is run or published.
//   node build.mjs            dist/: the library for browsers and for Node, the command line, type declarations
//   node build.mjs --tests    build/test/: the test files, for Node and for a browser
//   node build.mjs --bench    build/bench/: the benchmarks
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";
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

const common = {
	bundle: true,
	format: "esm",
	target: "es2022",
	sourcemap: true,
	logLevel: "warning",
	plugins: [wgsl],
	loader: { ".safetensors": "binary" },
	external: ["webgpu", "@sparticuz/chromium", "node:*"],
};

/** What bundled CommonJS packages load Node's own modules with. */
const requireForBundled =
	'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);';

/** What tests and benchmarks mean by the package's names: its sources. */
const forNode = {
	"tessera-gpu": "./src/node/index.ts",
	"tessera-gpu/vqvae": "./src/vqvae/index.ts",
	"tessera-gpu/digits": "./src/data/digits.ts",
	"tessera-gpu/prior": "./src/prior/index.ts",
	"tessera-gpu/quantizers": "./src/quantizers/index.ts",
};

/** The licence texts of the packages whose code was bundled, as their licences ask. */
async function writeNotices(inputs, path) {
	const packages = new Set(inputs.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]).filter(Boolean));
	const notices = [];
	for (const name of [...packages].sort()) {
		const folder = join("node_modules", name);
		const licence = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
		const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
		const text = licence ? await readFile(join(folder, licence), "utf8") : `Licence: ${license}`;
		notices.push(`${name} ${version}\n\n${text.trim()}\n`);
	}
	await writeFile(path, notices.join(`\n${"-".repeat(80)}\n\n`));
}

/** The entries with files of their own, by the name of their file in dist/. */
const ownEntries = { digits: "src/data/digits.ts", prior: "src/prior/index.ts", quantizers: "src/quantizers/index.ts" };

/**
 * The private members that minifying may rename: those of which nothing is written but their declarations and `this.name`,
 * in all of src. Modules are left out, since state dicts read their properties by name.
 *
 * @param inputs the files that the library is made of
 * @param bundle their text, with that of packages
 */
async function privateNames(inputs, bundle) {
	const sources = await Promise.all((await filesUnder("src", /\.ts$/)).map((file) => readFile(file, "utf8")));
	const machines = (await Promise.all(inputs.map((file) => readFile(file, "utf8")))).filter(
		(text) => !/\bextends (Module|Layer|Quantizer)\b/.test(text),
	);
	const declaration = /\bprivate (?:(?:static|readonly|async|get|override) )*([A-Za-z]\w+)/g;
	const declared = new Set(machines.flatMap((text) => [...text.matchAll(declaration)].map(([, name]) => name)));
	const others = sources.map((text) => text.replace(declaration, "").replace(/\bthis\.\w+/g, "")).join("\n");
	const elsewhere = new Set(
		[...others.matchAll(/\w+/g), ...bundle.matchAll(/(?<!\bthis)\.\w+/g)].map(([word]) => word),
	);
	return [...declared].filter((name) => !elsewhere.has(name) && !elsewhere.has(`.${name}`));
}

/** Files of the library that other entries may have a copy of: functions without state, which it need not export so. */
const copied = new Set(["src/ops/check.ts", "src/ops/launch.ts", "src/tensor/shape.ts"]);

/**
 * For entries with files of their own, written to dist/: what the library is made of they take out of its file, so that all
 * see the same classes; the rest is theirs.
 *
 * @param inputs the files that the library is made of
 */
function fromLibrary(inputs) {
	return {
		name: "from-library",
		setup({ onResolve }) {
			onResolve({ filter: /^\..*\.js$/ }, ({ path, importer }) => {
				const source = relative(process.cwd(), join(dirname(importer), path.replace(/\.js$/, ".ts")));
				return inputs.has(source) && !copied.has(source) ? { path: "./chunks/library.js", external: true } : undefined;
			});
		},
	};
}

/** For Node's entry in dist/node/, whose files are all in src/node: the others are in the library's files. */
const fromLibraryForNode = {
	name: "from-library-for-node",
	setup({ onResolve }) {
		onResolve({ filter: /^\.\.\// }, ({ path }) => ({
			path: path === "../index.js" ? "../index.js" : "../chunks/library.js",
			external: true,
		}));
	},
};

async function buildLibrary() {
	await rm("dist", { recursive: true, force: true });
	await mkdir("dist/chunks", { recursive: true });
	const neutral = { ...common, platform: "neutral", mainFields: ["module", "main"], metafile: true };
	// All of it is one file, of which the entries pass on their parts: so `tessera-gpu` and `tessera-gpu/vqvae` always see
	// the same classes. The kernels stand side by side in it, where gzip finds what they have in common.
	const kernels = await filesUnder("kernels", /\.wgsl$/);
	const library = await build({
		...neutral,
		stdin: {
			contents: [...kernels.map((file) => `import "./${file}";`), 'export * from "./src/library.ts";'].join("\n"),
			resolveDir: ".",
		},
		outfile: "dist/chunks/library.js",
		write: false,
	});
	const [map, bundle] = library.outputFiles;
	const files = Object.keys(library.metafile.inputs).filter((file) => file.startsWith("src/"));
	const names = await privateNames(files, bundle.text);
	const { code, map: minifiedMap } = await minify(bundle.text, {
		module: true,
		ecma: 2022,
		compress: { passes: 3, sequences: false },
		mangle: { properties: { regex: new RegExp(`^(${names.join("|")})$`) } },
		sourceMap: { content: map.text, url: "library.js.map" },
	});
	// A template holds the lines of a kernel as they are.
	const kernelText = /(?<=\bsource:)"(?:[^"\\]|\\.)*"/g;
	await writeFile(
		"dist/chunks/library.js",
		code.replace(kernelText, (text) => `\`${JSON.parse(text)}\``),
	);
	await writeFile("dist/chunks/library.js.map", minifiedMap);
	const entries = await build({
		...neutral,
		entryPoints: { index: "src/index.ts", vqvae: "src/vqvae/index.ts" },
		outdir: "dist",
		write: false,
	});
	for (const [file, { entryPoint, exports }] of Object.entries(entries.metafile.outputs))
		if (entryPoint) await writeFile(file, `export{${exports.join()}}from"./chunks/library.js";\n`);
	const own = { ...neutral, minify: true };
	const others = await build({
		...own,
		entryPoints: ownEntries,
		outdir: "dist",
		splitting: true,
		chunkNames: "[name]-[hash]",
		plugins: [wgsl, fromLibrary(new Set(Object.keys(library.metafile.inputs)))],
	});
	const forNodeToo = await build({
		...own,
		entryPoints: ["src/node/index.ts"],
		outfile: "dist/node/index.js",
		plugins: [fromLibraryForNode],
	});
	// The command line stands alone, with the packages it uses inside it: installing tessera-gpu installs nothing else.
	const commandLine = await build({
		...common,
		entryPoints: ["src/node/cli.ts"],
		outfile: "dist/node/cli.js",
		platform: "node",
		mainFields: ["module", "main"],
		banner: { js: `#!/usr/bin/env node\n${requireForBundled}` },
		metafile: true,
	});
	await chmod("dist/node/cli.js", 0o755);
	await writeNotices(
		[library, others, forNodeToo, commandLine].flatMap(({ metafile }) => Object.keys(metafile.inputs)),
		"dist/THIRD_PARTY_LICENSES.txt",
	);
	execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "src/tsconfig.json"], { stdio: "inherit" });
}

async function filesUnder(folder, pattern) {
	const files = await readdir(folder, { recursive: true });
	return files
		.filter((file) => pattern.test(file))
		.sort()
		.map((file) => join(folder, file));
}

async function buildTests() {
	await rm("build/test", { recursive: true, force: true });
	const tests = await filesUnder("test", /\.test\.ts$/);
	const forBrowsers = tests.filter((file) => !file.startsWith(join("test", "node")));
	await build({
		...common,
		entryPoints: [...tests, "test/run.ts", "test/browser/run.ts"],
		outbase: "test",
		outdir: "build/test/node",
		splitting: true,
		platform: "node",
		alias: forNode,
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
		alias: { ...forNode, "tessera-gpu": "./src/index.ts" },
	});
	await mkdir("build/test/browser", { recursive: true });
	await writeFile(
		"build/test/browser/index.html",
		'<!doctype html><meta charset="utf-8"><title>Tessera tests</title><script type="module" src="tests.js"></script>\n',
	);
}

async function buildBenchmarks() {
	await rm("build/bench", { recursive: true, force: true });
	const files = await readdir("bench");
	const { devDependencies } = JSON.parse(await readFile("package.json", "utf8"));
	// tfjs is bundled, from its ES modules: the file that Node would load lacks the gradients.
	const notTfjs = Object.keys(devDependencies).filter((name) => !name.startsWith("@tensorflow/"));
	await build({
		...common,
		entryPoints: files.filter((file) => file.endsWith(".ts")).map((file) => join("bench", file)),
		outdir: "build/bench",
		splitting: true,
		platform: "node",
		mainFields: ["module", "main"],
		banner: { js: requireForBundled },
		alias: forNode,
		external: [...common.external, ...notTfjs, "node-fetch"],
	});
}

if (process.argv.includes("--tests")) await buildTests();
else if (process.argv.includes("--bench")) await buildBenchmarks();
else await buildLibrary();
