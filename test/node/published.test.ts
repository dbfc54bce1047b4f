import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
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
	assert.not.match(text, /convolution\.wgsl/);
	assert.not.match(await readFile(new URL("chunks/library.js", dist), "utf8"), /gated_activation/);
});

test("so does the quantizers'", async () => {
	const quantizers = await entry("quantizers.js");
	assert.equal(Object.keys(quantizers), [
		"CodebookQuantizer",
		"FiniteScalarQuantizer",
		"ResidualQuantizer",
		"finiteScalar",
		"finiteScalarLookup",
		"initialiseCodebook",
		"normalize",
		"rotationTrick",
	]);
	for (const name of ["CodebookQuantizer", "FiniteScalarQuantizer", "ResidualQuantizer"]) {
		assert.is(classOf(quantizers, name).name, name);
		assert.ok(classOf(quantizers, name).prototype instanceof classOf(models, "Quantizer"));
	}
	const text = await readFile(new URL("quantizers.js", dist), "utf8");
	assert.match(text, /update_codebook\.wgsl/);
	assert.not.match(text, /code_sums\.wgsl/);
	assert.not.match(await readFile(new URL("chunks/library.js", dist), "utf8"), /update_codebook/);
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

test("the library for browsers, with all kernels, is at most 40 KB gzipped", async () => {
	const chunks = (await readdir(new URL("chunks/", dist))).filter((file) => file.endsWith(".js")).sort();
	const files = ["index.js", "vqvae.js", ...chunks.map((file) => `chunks/${file}`)];
	const bytes = Buffer.concat(await Promise.all(files.map((file) => readFile(new URL(file, dist)))));
	assert.match(bytes.toString(), /convolution\.blocked\.wgsl/);
	const size = gzipSync(bytes, { level: 9 }).length;
	assert.ok(size <= 40 * 1024, `${size} bytes`);
});

test.run();
