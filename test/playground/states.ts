import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { figure, patience, stepOf, type Tester, untilStep } from "./tester.js";

/** Destroys the device of the page's worker, as a driver that is reset does. */
export async function loseDevice(page: Page): Promise<void> {
	const worker = page.workers().find((worker) => worker.url().endsWith("worker.js"));
	assert.ok(worker !== undefined);
	await worker.evaluate(
		() =>
			new Promise<void>((lost) => {
				const { createCommandEncoder } = GPUDevice.prototype;
				GPUDevice.prototype.createCommandEncoder = function (...given) {
					GPUDevice.prototype.createCommandEncoder = createCommandEncoder;
					const encoder = createCommandEncoder.apply(this, given);
					setTimeout(() => {
						this.destroy();
						lost();
					}, 0);
					return encoder;
				};
			}),
	);
}

/** A lost device, no network, a hidden tab, a rotated phone. */
export async function stateTests({ page, address, test }: Tester): Promise<void> {
	await untilStep(page, 10);

	await test("a lost device is opened again, and the run goes on from its last weights", async () => {
		// A pause and a wait leave the last copy of the weights behind.
		await untilStep(page, Math.max(60, await stepOf(page)));
		await loseDevice(page);
		await page.getByText(/The GPU was lost, and is open again/).waitFor({ timeout: patience });
		const resumed = await stepOf(page);
		await untilStep(page, resumed + 10);
		assert.ok(Number(await figure(page, "nmse")) < 1.5);
		assert.equal(await page.locator(".message.bad").count(), 0);
	});

	await test("a tab that is hidden pauses, and goes on when it is seen", async () => {
		await page.evaluate(() => {
			Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
			document.dispatchEvent(new Event("visibilitychange"));
		});
		await page.getByText("Paused while the tab is hidden").waitFor({ timeout: patience });
		await page.waitForTimeout(1500);
		const paused = await stepOf(page);
		await page.waitForTimeout(1500);
		assert.equal(await stepOf(page), paused);
		await page.evaluate(() => {
			Object.defineProperty(document, "hidden", { configurable: true, get: () => false });
			document.dispatchEvent(new Event("visibilitychange"));
		});
		await untilStep(page, paused + 5);
	});

	await test("a rotated phone keeps everything in its width", async () => {
		for (const size of [
			{ width: 360, height: 740 },
			{ width: 740, height: 360 },
		]) {
			await page.setViewportSize(size);
			await page.waitForTimeout(300);
			const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			assert.ok(overflow <= 0, `${overflow} pixels too wide at ${size.width}`);
		}
		await page.setViewportSize({ width: 1280, height: 900 });
	});

	await test("opens without a network after the first visit", async () => {
		await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
		await page.waitForFunction(async () => (await caches.keys()).length > 0, null, { timeout: patience });
		await page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, { timeout: patience });
		await page.context().setOffline(true);
		await page.goto(`${address}playground/?codes=32`);
		await untilStep(page, 3);
		assert.match(await figure(page, "codes-in-use"), /of 32$/);
		await page.context().setOffline(false);
	});
}
