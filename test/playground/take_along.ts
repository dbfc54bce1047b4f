import assert from "node:assert/strict";
import { type HostTensor, loadSafetensors, loadSafetensorsMetadata } from "tessera-gpu";
import { downloaded, trainedFor } from "./files.js";
import { patience, type Tester } from "./tester.js";

/** Files of a run, and a model from a file. */
export async function takeAlongTests({ page, address, test }: Tester): Promise<void> {
	const panel = page.locator("#take-along");
	const kinds = {
		averages: "codes=16",
		gradient: "codes=16&quantizer=loss&init=normal&deadBelow=0",
		residual: "codes=16&quantizer=residual",
		fsq: "quantizer=fsq&levels=4,4",
		cosine: "codes=16&similarity=cosine",
	};
	for (const [kind, query] of Object.entries(kinds))
		await test(`${kind}: a model that is downloaded and loaded again has the same bits`, async () => {
			await trainedFor(page, address, `hidden=8&images=64&batch=4&${query}`, 3);
			const bytes = await downloaded(page, "model.safetensors");
			const weights: Readonly<Record<string, HostTensor>> = loadSafetensors(bytes);
			assert.deepEqual(weights["encoder.convs.0.weight"]?.shape, [4, 1, 3, 3]);
			assert.ok(loadSafetensorsMetadata(bytes).quantizer !== undefined);
			await page.goto(`${address}playground/?codes=32&hidden=8&images=64&batch=4&stop=1`);
			await page.locator("#load-model:enabled").waitFor({ timeout: patience });
			const file = { name: "kept.safetensors", mimeType: "application/octet-stream", buffer: bytes };
			await page.locator("#load-model").setInputFiles(file);
			await page.getByText(/kept\.safetensors is the run above now/).waitFor({ timeout: patience });
			assert.ok((await downloaded(page, "model.safetensors")).equals(bytes));
		});

	await test("a file that is no model is refused in words, and the run stays", async () => {
		const file = { name: "wrong.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("no model") };
		await page.locator("#load-model").setInputFiles(file);
		await panel.getByText(/wrong\.safetensors: not a safetensors file/).waitFor({ timeout: patience });
		await page.getByRole("button", { name: "Play", exact: true }).waitFor({ timeout: patience });
	});

	await test("codes as .npy, the picture as PNG, the run as JSON", async () => {
		await trainedFor(page, address, "hidden=8&images=64&batch=4&codes=16&seed=2", 3);
		const npy = await downloaded(page, "Codes of the test images");
		assert.equal(npy.toString("latin1", 0, 6), "\x93NUMPY");
		assert.match(npy.toString("latin1", 10, 128), /'descr': '<u2', 'fortran_order': False, 'shape': \(256, 7, 7\), /);
		const codes = new Uint16Array(
			npy.buffer.slice(npy.byteOffset + npy.length - 2 * 256 * 49, npy.byteOffset + npy.length),
		);
		assert.ok(codes.every((code) => code < 16));
		assert.ok(new Set(codes).size > 1);
		const png = await downloaded(page, "Picture (PNG)");
		assert.equal(png.toString("latin1", 1, 4), "PNG");
		const run = JSON.parse((await downloaded(page, "Run as JSON")).toString());
		assert.equal(run.settings.codes, 16);
		assert.equal(run.step, 3);
		assert.equal(run.curves.training.loss.length, 3);
		assert.match(run.link, /hidden=8/);
		assert.ok(run.evaluation.psnr > 0);
	});
}
