import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { BenchmarkResult } from "../../examples/playground/shared/benchmark.js";
import { patience, stepOf, type Tester, untilStep } from "./tester.js";

export async function machineTests({ page, requested, test }: Tester): Promise<void> {
	const panel = page.locator("#machine");
	const start = panel.getByRole("button", { name: "Run the benchmark" });
	const goesOn = async () => untilStep(page, (await stepOf(page)) + 1);
	await untilStep(page, 2);
	/** What was asked for of TensorFlow.js, by the page or by its service worker. */
	const loaded = () => requested.filter((path) => path.includes("tfjs"));

	await test("the machine says what computes", async () => {
		const text = (await panel.textContent()) ?? "";
		assert.match(text, /Computes on(the CPU|a GPU)/);
		assert.match(text, /maxBufferSize\d/);
	});

	await test("the benchmark's result is a JSON file and a line, and training goes on", async () => {
		await panel.getByLabel("Time").selectOption({ label: "a few seconds, less exact" });
		await start.click();
		await panel.locator('[data-figure="benchmark-line"]').waitFor({ timeout: patience });
		const [download] = await Promise.all([
			page.waitForEvent("download"),
			panel.getByRole("button", { name: "Download the JSON file" }).click(),
		]);
		const result = JSON.parse(await readFile(await download.path(), "utf8")) as BenchmarkResult;
		assert.equal(result.format, "tessera-benchmark");
		assert.equal(result.version, 1);
		assert.match(result.library, /^\d+\.\d+\.\d+/);
		assert.ok(Math.abs(Date.now() - Date.parse(result.date)) < 600_000);
		assert.match(result.browser, /Chrome|Firefox|Safari/);
		assert.equal(result.tfjs, null);
		assert.deepEqual(
			[...new Set(result.rows.map(({ kind }) => kind))],
			["nearest code", "convolution", "training step"],
		);
		for (const { name, ours, tfjs, gflops, kind } of result.rows) {
			assert.ok(ours.minimum > 0 && ours.minimum <= ours.median && ours.runs >= 1, name);
			assert.ok(ours.quartiles[0] <= ours.median && ours.median <= ours.quartiles[1], name);
			assert.equal(tfjs, null);
			assert.ok(kind === "training step" ? gflops === null : Number(gflops) > 0, name);
		}
		for (const { gflops, bandwidth } of Object.values(result.ceiling)) assert.ok(gflops > 0 && bandwidth > 0);
		const line = (await panel.locator('[data-figure="benchmark-line"]').textContent()) ?? "";
		assert.ok(line.startsWith(`Tessera ${result.library} | `));
		for (const { name } of result.rows) assert.ok(line.includes(name), name);
		assert.deepEqual(loaded(), []);
		await goesOn();
	});

	await test("TensorFlow.js is loaded and measured only if asked for; the benchmark can be stopped", async () => {
		await panel.getByLabel(/^Compare with TensorFlow.js/).check();
		await start.click();
		await panel
			.locator("tbody tr")
			.filter({ hasText: /ms.*\d×$/ })
			.first()
			.waitFor({ timeout: patience });
		assert.ok(loaded().length > 0);
		const [first] = await panel.locator("tbody tr").allTextContents();
		assert.match(first ?? "", /6,272 vectors.*ms.*\d×$/);
		assert.doesNotMatch(first ?? "", /the results differ/);
		await panel.getByRole("button", { name: /^Stop/ }).click();
		await start.waitFor({ timeout: patience });
		await goesOn();
	});
}
