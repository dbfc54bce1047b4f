import { Random } from "tessera-gpu";
import { VectorQuantizer } from "tessera-gpu/quantizers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addCodebook, addNearestCode } from "../../../src/node/export/onnx_codebook.js";
import { OnnxGraph } from "../../../src/node/export/onnx_graph.js";
import { encodeOnnx } from "../../../src/node/export/onnx_schema.js";
import { excessOf, nearestCode } from "../../reference/nearest_code.js";
import { device } from "../../support.js";
import { Session } from "./onnx_runtime.js";

const test = suite("the nearest-code search in ONNX");

/** A graph of the search alone. */
async function searchOf(codebook: Float32Array, dimensions: number): Promise<Session> {
	const numEmbeddings = codebook.length / dimensions;
	const quantizer = new VectorQuantizer(await device(), { embeddingDim: dimensions, numEmbeddings });
	const graph = new OnnxGraph({
		"q.embeddings.weight": { dtype: "float32", shape: [numEmbeddings, dimensions], data: codebook },
	});
	const codes = addNearestCode(graph, addCodebook(graph, quantizer, "q"), "z");
	quantizer.dispose();
	const port = { description: "" };
	const z = { ...port, name: "z", type: "float32", shape: ["batch", "rows", "columns", dimensions] } as const;
	const index = { ...port, name: "codes", type: "int64", shape: ["batch", "rows", "columns"] } as const;
	const proto = { irVersion: 7, producerName: "", producerVersion: "", docString: "", metadataProps: [] };
	const opsetImport = [{ domain: "", version: 13 }];
	return Session.open(encodeOnnx({ ...proto, opsetImport, graph: graph.finish("search", "", z, index, codes) }));
}

type Make = (random: Random, i: number) => number;

/** Normal numbers with this spread around a mean that may depend on the row. */
const around =
	(meanOf: (row: number) => number, spread: number, dimensions: number): Make =>
	(random, i) =>
		meanOf(Math.floor(i / dimensions)) + spread * random.normal();

const dimensions = 16;
const latents = 500;

const cases: Readonly<Record<string, { readonly codes: number; readonly code: Make; readonly latent: Make }>> = {
	"of length 4": { codes: 130, code: around(() => 0, 1, dimensions), latent: around(() => 0, 1, dimensions) },
	"all of them around 10": {
		codes: 128,
		code: around(() => 10, 0.01, dimensions),
		latent: around(() => 10, 0.01, dimensions),
	},
	"one of them very far away": {
		codes: 128,
		code: around((row) => (row === 5 ? 1e5 : 0), 1, dimensions),
		latent: around(() => 0, 1, dimensions),
	},
	"in two clusters": {
		codes: 64,
		code: around((row) => (row % 2 === 0 ? 10 : -10), 0.02, dimensions),
		latent: around((row) => (row % 2 === 0 ? 10 : -10), 0.02, dimensions),
	},
	"fewer than the candidates": {
		codes: 3,
		code: around(() => 0, 1, dimensions),
		latent: around(() => 0, 1, dimensions),
	},
	"only one": { codes: 1, code: around(() => 0, 1, dimensions), latent: around(() => 0, 1, dimensions) },
};

for (const [name, { codes, code, latent }] of Object.entries(cases))
	test(`codes ${name}: the nearest, within the rounding of Σ (z − e)²`, async () => {
		const random = new Random(7);
		const codebook = Float32Array.from({ length: codes * dimensions }, (_, i) => code(random, i));
		const z = Float32Array.from({ length: latents * dimensions }, (_, i) => latent(random, i));
		const session = await searchOf(codebook, dimensions);
		const { shape, data } = await session.run(z, [1, 5, latents / 5, dimensions]);
		assert.equal([...shape], [1, 5, latents / 5]);
		const rows = { shape: [latents, dimensions], data: Float64Array.from(z) };
		const book = { shape: [codes, dimensions], data: Float64Array.from(codebook) };
		const nearest = nearestCode(rows, book);
		for (const [n, expected] of nearest.entries()) {
			const excess = excessOf(rows, book, n, Number(data[n]), expected);
			assert.ok(excess <= 1, `latent ${n}: code ${data[n]} instead of ${expected}, ${excess}`);
		}
		assert.ok(codes < 8 || new Set(nearest).size > 20, "too few codes are nearest to any latent");
	});

test("among equal codes the lowest index; a latent with NaN has an index of the codebook", async () => {
	const random = new Random(8);
	const distinct = Float32Array.from({ length: 6 * dimensions }, () => random.normal());
	// Each code four times: 0 to 5, 0 to 5, ….
	const codebook = Float32Array.from({ length: 24 * dimensions }, (_, i) => distinct[i % distinct.length]);
	const z = Float32Array.from({ length: latents * dimensions }, () => random.normal());
	z.fill(Number.NaN, 0, 3);
	const { data } = await (await searchOf(codebook, dimensions)).run(z, [1, 1, latents, dimensions]);
	assert.ok(data[0] >= 0 && data[0] < 24, `${data[0]}`);
	const found = Array.from(data, Number).slice(1);
	assert.equal([...new Set(found)].sort(), [0, 1, 2, 3, 4, 5]);
});

test.run();
