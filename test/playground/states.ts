import assert from "node:assert/strict";
import type { Page, Worker } from "playwright-core";
import { figure, patience, stepOf, type Tester, untilStep } from "./tester.js";

/** The worker that has the GPU. */
function workerOf(page: Page): Worker {
	const worker = page.workers().find((worker) => worker.url().endsWith("worker.js"));
	assert.ok(worker !== undefined);
	return worker;
}

/** Destroys the device of the page's worker, as a driver that is reset does. */
export async function loseDevice(page: Page): Promise<void> {
	await workerOf(page).evaluate(
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

	await test("a device that cannot be opened again is a message, and the run goes on once it can", async () => {
		const worker = workerOf(page);
		await worker.evaluate(() => {
			const { requestAdapter } = GPU.prototype;
			GPU.prototype.requestAdapter = async () => null;
			Object.assign(globalThis, { restore: () => Object.assign(GPU.prototype, { requestAdapter }) });
		});
		await loseDevice(page);
		const tryAgain = page.getByRole("button", { name: "Try again" });
		await tryAgain.waitFor({ timeout: patience });
		await worker.evaluate("void restore()");
		await tryAgain.click();
		await tryAgain.waitFor({ state: "detached", timeout: patience });
		await page.waitForFunction(() => document.querySelector(".message.bad") === null, undefined, { timeout: patience });
		await untilStep(page, (await stepOf(page)) + 3);
	});

	await test("memory that is out is a message with what to do, and other settings can be started", async () => {
		const worker = workerOf(page);
		await worker.evaluate(() => {
			const { pushErrorScope, popErrorScope } = GPUDevice.prototype;
			const filters: string[] = [];
			GPUDevice.prototype.pushErrorScope = function (filter) {
				filters.push(filter);
				return pushErrorScope.call(this, filter);
			};
			GPUDevice.prototype.popErrorScope = async function () {
				const filter = filters.pop();
				const error = await popErrorScope.call(this);
				return filter === "out-of-memory" ? new GPUOutOfMemoryError("as a test") : error;
			};
			const restore = () => Object.assign(GPUDevice.prototype, { pushErrorScope, popErrorScope });
			Object.assign(globalThis, { restore });
		});
		await page.locator("#train .options summary").click();
		const start = async (codes: string) => {
			await page.fill("#setting-codes", codes);
			await page.getByRole("button", { name: "Start with these settings" }).click();
		};
		await start("64");
		await page.getByText(/OutOfMemoryError.*Choose fewer codes/).waitFor({ timeout: patience });
		await worker.evaluate("void restore()");
		await start("32");
		await page.waitForFunction(
			() => document.querySelector('[data-figure="codes-in-use"]')?.textContent?.endsWith("of 32"),
			undefined,
			{ timeout: patience },
		);
		await untilStep(page, 20);
		assert.equal(await page.locator(".message.bad").count(), 0);
	});

	await test("a run that is paused is restored at its step", async () => {
		await page.getByRole("button", { name: "Pause" }).click();
		await page.getByRole("button", { name: "Play", exact: true }).waitFor({ timeout: patience });
		const paused = await stepOf(page);
		const lost = loseDevice(page);
		await page.locator("#draw").getByRole("button", { name: "Clear" }).click();
		await lost;
		await page.getByText(`The run goes on from step ${paused},`).waitFor({ timeout: patience });
		await page.waitForFunction(
			(step) => document.querySelector('[data-figure="step"]')?.textContent === String(step),
			paused,
			{ timeout: patience },
		);
		await page.getByRole("button", { name: "Play", exact: true }).click();
		await untilStep(page, paused + 2);
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
