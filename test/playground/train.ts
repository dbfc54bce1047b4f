import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { figure, patience, stepOf, type Tester, untilStep } from "./tester.js";

/** The training that begins by itself, and its controls. */
export async function trainTests({ page, address, test }: Tester): Promise<void> {
	await test("trains by itself, and the error of test images falls under 0.12 within 100 steps", async () => {
		await untilStep(page, 100);
		assert.ok(Number(await figure(page, "nmse")) < 0.12, await figure(page, "nmse"));
	});

	await test("reconstructions resemble the test images above them", async () => {
		const difference = await page.evaluate(() => {
			const canvas = document.querySelector<HTMLCanvasElement>(".strip canvas");
			const { width, height } = canvas as HTMLCanvasElement;
			const half = height / 2;
			const context = canvas?.getContext("2d");
			const upper = context?.getImageData(0, 0, width, half).data ?? [];
			const lower = context?.getImageData(0, half, width, half).data ?? [];
			let [squares, brightness] = [0, 0];
			for (let i = 0; i < upper.length; i += 4) {
				squares += ((upper[i] as number) - (lower[i] as number)) ** 2;
				brightness += (upper[i] as number) ** 2;
			}
			return squares / brightness;
		});
		assert.ok(difference < 0.2, `${difference}`);
	});

	await test("all that the page may load at first is at most 250 KB gzipped", async () => {
		const folder = "site/playground";
		const files = (await readdir(folder, { recursive: true })).filter(
			(file) => /\.(html|js|css)$/.test(file) && !/tfjs|service_worker/.test(file),
		);
		const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(join(folder, file))).length));
		const total = sizes.reduce((sum, size) => sum + size, 0);
		assert.ok(total > 100_000 && total <= 250_000, `${total} bytes in ${files.length} files`);
	});

	await test("pauses, takes one step, and plays on", async () => {
		await page.getByRole("button", { name: "Pause" }).click();
		await page.getByRole("button", { name: "Play", exact: true }).waitFor({ timeout: patience });
		const paused = await stepOf(page);
		await new Promise((later) => setTimeout(later, 1500));
		assert.equal(await stepOf(page), paused);
		await page.getByRole("button", { name: "One step" }).click();
		await untilStep(page, paused + 1);
		assert.equal(await stepOf(page), paused + 1);
		await page.getByRole("button", { name: "Play", exact: true }).click();
		await untilStep(page, paused + 5);
	});

	await test("settings begin another run, and the address names them", async () => {
		await page.locator("#train .options > summary").click();
		await page.locator("#train").getByLabel("Codes K").fill("16");
		await page.locator("#train").getByLabel("Seed").fill("7");
		await page.getByRole("button", { name: "Start with these settings" }).click();
		await page.waitForFunction(
			() => document.querySelector("[data-figure=codes-in-use]")?.textContent?.endsWith("of 16"),
			null,
			{
				timeout: patience,
			},
		);
		await page.waitForURL(/[?&]codes=16&seed=7$/, { timeout: patience });
	});

	await test("a wrong setting is refused in words", async () => {
		await page.locator("#train").getByLabel("Learning rate").fill("fast");
		await page.getByRole("button", { name: "Start with these settings" }).click();
		const text = await page.locator(".problem").textContent();
		assert.equal(text, 'Learning rate must be a number from 0.000001 to 1, but is "fast".');
	});

	await test("a link with a wrong setting says so, and trains with the default", async () => {
		await page.goto(`${address}playground/?codes=12&lr=fast`);
		await untilStep(page, 1);
		assert.match((await page.locator(".message").allTextContents()).join(), /lr is "fast", but must be a number/);
		assert.match(await figure(page, "codes-in-use"), /of 12$/);
	});
}
