import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";
import { generateDigits } from "tessera-gpu/digits";
import { suite } from "uvu";
import * as assert from "uvu/assert";

/** What `npm publish` takes, as it was built. */
const dist = new URL("../../../../dist/", import.meta.url);

type Exports = Readonly<Record<string, unknown>>;
type Class = (new (...values: unknown[]) => object) & { readonly prototype: object };

async function entry(file: string): Promise<Exports> {
	return import(new URL(file, dist).href);
}

const [forBrowsers, models, forNode] = await Promise.all(["index.js", "vqvae.js", "node/index.js"].map(entry));

function classOf(exports: Exports | undefined, name: string): Class {
	return exports?.[name] as Class;
}

/** The files that a browser loads for some entries. */
async function filesOf(...names: string[]): Promise<{ name: string; text: string }[]> {
	const urls = new Set(names.map((name) => new URL(name, dist).href));
	const files: { name: string; text: string }[] = [];
	for (const url of urls) {
		const text = await readFile(new URL(url), "utf8");
		files.push({ name: url.slice(dist.href.length), text });
		for (const [, path] of text.matchAll(/\bfrom"(\.[^"]+)"/g)) urls.add(new URL(path as string, url).href);
	}
	return files;
}

const test = suite("the published build");

test("exported classes bear their names", () => {
	const classes = [forBrowsers, models].flatMap((exports) =>
		Object.entries(exports ?? {}).filter(([, value]) => /^class\b/.test(String(value))),
	);
	assert.ok(classes.length > 30, `${classes.length} classes`);
	for (const [name, value] of classes) assert.is((value as Class).name, name);
});

test("errors have their names and classes", () => {
	const parse = forBrowsers?.parseIdx as (bytes: Uint8Array) => unknown;
	let thrown: unknown;
	try {
		parse(new Uint8Array(3));
	} catch (error) {
		thrown = error;
	}
	assert.instance(thrown, classOf(forBrowsers, "FormatError"));
	assert.instance(thrown, classOf(forBrowsers, "TesseraError"));
	assert.instance(thrown, Error);
	assert.not.ok(thrown instanceof classOf(forBrowsers, "ShapeError"));
	assert.is((thrown as Error).name, "FormatError");
	assert.match(String(thrown), /^FormatError: not an IDX file/);
	class OwnError extends classOf(forBrowsers, "TesseraError") {}
	assert.is((new OwnError("") as Error).name, "OwnError");
});

test("summary names layers by their classes, the caller's own too", () => {
	const [ReLU, Sequential] = [classOf(forBrowsers, "ReLU"), classOf(forBrowsers, "Sequential")];
	class Own extends ReLU {}
	const summary = forBrowsers?.summary as (model: object, shape: number[]) => string;
	const table = summary(new Sequential([new ReLU(), new Own()]), [1, 2]);
	assert.match(table, /─Sequential: 1-1 /);
	assert.match(table, /─ReLU: 2-1 /);
	assert.match(table, /─Own: 2-2 /);
});

test("the entries see the same classes, and Node's has all that a browser's has", () => {
	assert.ok(Object.keys(forBrowsers ?? {}).length > 60);
	for (const [name, value] of Object.entries(forBrowsers ?? {}))
		if (name === "openDevice") assert.is.not(forNode?.[name], value);
		else assert.is(forNode?.[name], value, name);
	assert.ok(classOf(models, "Encoder").prototype instanceof classOf(forBrowsers, "Module"));
});

test("each entry exports what its source does, and no more", () => {
	assert.equal(Object.keys(models ?? {}), [
		"Decoder",
		"Encoder",
		"Quantizer",
		"ResidualBlock",
		"Trainer",
		"VQVAE",
		"VectorQuantizer",
		"codeUse",
	]);
	assert.not.ok("VQVAE" in (forBrowsers ?? {}) || "openAdapter" in (forNode ?? {}));
});

test("the digits' entry makes digits, and its errors are the library's", async () => {
	const digits = await entry("digits.js");
	assert.equal(Object.keys(digits), ["generateDigits"]);
	const generate = digits.generateDigits as (count: number, seed: number) => { pixels: Uint8Array; count: number };
	assert.equal(generate(3, 5), generateDigits(3, 5));
	assert.throws(
		() => generate(-1, 0),
		(error: unknown) => error instanceof classOf(forBrowsers, "ArgumentError"),
	);
});

test("the prior's entry builds on the library's classes and holds none of its kernels", async () => {
	const prior = await entry("prior.js");
	assert.equal(Object.keys(prior), ["GatedPixelCNN", "PriorTrainer", "completePrior", "samplePrior"]);
	for (const name of ["GatedPixelCNN", "PriorTrainer"]) assert.is(classOf(prior, name).name, name);
	assert.ok(classOf(prior, "GatedPixelCNN").prototype instanceof classOf(forBrowsers, "Module"));
	const text = await readFile(new URL("prior.js", dist), "utf8");
	assert.match(text, /gated_activation\.wgsl/);
	assert.not.match(text, /relu\.wgsl/);
	for (const { text } of await filesOf("index.js", "vqvae.js")) assert.not.match(text, /gated_activation/);
});

test("so does the quantizers'", async () => {
	const quantizers = await entry("quantizers.js");
	assert.equal(Object.keys(quantizers), [
		"CodebookQuantizer",
		"FiniteScalarQuantizer",
		"Quantizer",
		"ResidualQuantizer",
		"VectorQuantizer",
		"codeUse",
		"finiteScalar",
		"finiteScalarLookup",
		"initialiseCodebook",
		"normalize",
		"rotationTrick",
	]);
	for (const name of ["Quantizer", "VectorQuantizer"]) assert.is(quantizers[name], models?.[name], name);
	for (const name of ["CodebookQuantizer", "FiniteScalarQuantizer", "ResidualQuantizer"]) {
		assert.is(classOf(quantizers, name).name, name);
		assert.ok(classOf(quantizers, name).prototype instanceof classOf(models, "Quantizer"));
	}
	const text = await readFile(new URL("quantizers.js", dist), "utf8");
	assert.match(text, /update_codebook\.wgsl/);
	assert.not.match(text, /code_sums\.wgsl/);
	for (const { text } of await filesOf("index.js", "vqvae.js")) assert.not.match(text, /update_codebook/);
});

test("the built quantizers compute what the sources do", async () => {
	const results: string[] = [];
	for (const [library, vqvae, quantizers] of [
		[await entry("node/index.js"), await entry("vqvae.js"), await entry("quantizers.js")],
		[await import("tessera-gpu"), await import("tessera-gpu/vqvae"), await import("tessera-gpu/quantizers")],
	] as [typeof import("tessera-gpu"), typeof import("tessera-gpu/vqvae"), typeof import("tessera-gpu/quantizers")][]) {
		const gpu = await library.openDevice({ announce: false });
		const quantizer = new quantizers.ResidualQuantizer(gpu, {
			levels: 2,
			embeddingDim: 3,
			numEmbeddings: 6,
			similarity: "cosine",
			gradient: "rotation",
			deadBelow: 0.5,
		});
		const model = new vqvae.VQVAE(gpu, { inChannels: 1, quantizer });
		const trainer = new vqvae.Trainer(model);
		const images = gpu.tensor(
			Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * i)),
			[4, 1, 8, 8],
		);
		gpu.scope(() => quantizer.initialise("kmeans", model.encoder.forward(images)));
		for (let step = 0; step < 4; step++) trainer.step(images);
		const values = await gpu.readAll(Object.values(model.stateDict()));
		results.push([...Object.keys(model.stateDict()), ...values.map((numbers) => numbers.join())].join());
		gpu.dispose();
	}
	assert.is(results[0], results[1]);
});

test("the built files compute what the sources do", async () => {
	const results: number[][] = [];
	for (const [library, prior] of [
		[await entry("node/index.js"), await entry("prior.js")],
		[await import("tessera-gpu"), await import("tessera-gpu/prior")],
	] as [typeof import("tessera-gpu"), typeof import("tessera-gpu/prior")][]) {
		const gpu = await library.openDevice({ announce: false });
		const model = new prior.GatedPixelCNN(gpu, { numEmbeddings: 7, height: 3, width: 3, channels: 4, numClasses: 2 });
		const trainer = new prior.PriorTrainer(model, { steps: 4 });
		const numbers: number[] = [];
		for (let step = 0; step < 4; step++) {
			const loss = gpu.scope(() =>
				trainer.step({
					codes: gpu.tensor(
						Uint32Array.from({ length: 45 }, (_, i) => (i * i) % 7),
						[5, 3, 3],
					),
					labels: gpu.tensor(Uint32Array.of(0, 1, 0, 1, 1), [5]),
				}),
			);
			numbers.push(await loss.item());
		}
		const drawn = prior.samplePrior(model, { count: 2, labels: [0, 1] });
		numbers.push(...(await drawn.data()));
		const weights = library.loadSafetensors(await library.saveSafetensors(model.stateDict()));
		results.push([...numbers, ...Object.keys(weights).map((name) => name.length)]);
		gpu.dispose();
	}
	assert.equal(results[0], results[1]);
	assert.ok((results[0] ?? []).length > 40);
});

/**
 * What a bundler makes of a module, minified; without the kernels that a page loads on an adapter that computes on the CPU alone.
 *
 * @param effects whether it believes that the library's files do something when they are loaded
 */
async function bundled(contents: string, effects = false): Promise<Uint8Array> {
	const everyFile: Plugin = {
		name: "every-file",
		setup({ onResolve }) {
			onResolve({ filter: /^\./ }, ({ path, resolveDir }) => ({
				path: resolve(resolveDir, path),
				sideEffects: effects,
			}));
		},
	};
	const { outputFiles, metafile } = await build({
		stdin: { contents, resolveDir: fileURLToPath(dist) },
		bundle: true,
		format: "esm",
		minify: true,
		write: false,
		logLevel: "error",
		plugins: [everyFile],
		splitting: true,
		outdir: "out",
		metafile: true,
	});
	const entry = Object.keys(metafile.outputs).find((file) => metafile.outputs[file]?.entryPoint) as string;
	const loaded = new Set([entry]);
	for (const file of loaded)
		for (const { path, kind } of metafile.outputs[file]?.imports ?? [])
			if (kind === "import-statement") loaded.add(path);
	const files = outputFiles.filter(({ path }) => loaded.has(relative(process.cwd(), path)));
	return Buffer.concat(files.map((file) => file.contents));
}

test("nothing is done at the top level of a file, or a bundler could not drop it", async () => {
	const names = ["index", "vqvae", "digits", "prior", "quantizers"];
	const left = await bundled(names.map((name) => `import "./${name}.js";`).join("\n"), true);
	const needed = await bundled('export { openDevice } from "./index.js";');
	assert.ok(left.length < needed.length + 1000, `${left.length} bytes, openDevice alone ${needed.length}`);
});

// Reached: 25.5, 34.8 and 45.2 KB; the aim is 15, 26 and 40. A bundler cannot drop the methods of a device that
// capture and replay steps (3 KB gzipped), nor the checks of arguments (1.7 KB), nor what matrix products of
// batches need (4 KB), nor an optimizer's groups and state dict (2 KB).
for (const [what, limit, exports] of [
	["openDevice, matmul and relu", 26, 'export { openDevice, matmul, relu } from "./index.js";'],
	["a convolution that is trained", 36, 'export { openDevice, conv2d, backward, Adam, mseLoss } from "./index.js";'],
	[
		"the VQ-VAE and its trainer",
		47,
		'export { openDevice } from "./index.js"; export { Trainer, VQVAE } from "./vqvae.js";',
	],
] as const)
	test(`a bundle of ${what} is at most ${limit} KB gzipped`, async () => {
		const size = gzipSync(await bundled(exports), { level: 9 }).length;
		assert.ok(size > 5000, `${size} bytes: an empty bundle?`);
		assert.ok(size <= limit * 1024, `${size} bytes`);
	});

test("a page without a build step loads at most 137 KB gzipped for the whole library", async () => {
	const files = await filesOf("index.js", "vqvae.js", "digits.js", "prior.js", "quantizers.js");
	assert.ok(files.some(({ text }) => text.includes('"relu.wgsl"')));
	for (const kernel of ["convolution.wgsl", "convolution.blocked.wgsl", "pack_weights.wgsl"])
		assert.not.ok(
			files.some(({ text }) => text.includes(`"${kernel}"`)),
			`${kernel} is not for GPUs`,
		);
	const size = files.reduce((sum, { text }) => sum + gzipSync(text, { level: 9 }).length, 0);
	assert.ok(size <= 137 * 1024, `${size} bytes`);
});

test.run();
