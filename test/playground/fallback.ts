import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { violations } from "./accessibility.js";
import { collectErrors, launchChromium } from "./browser.js";
import { figure, patience, type Tester } from "./tester.js";

/** Opens the playground in a browser without WebGPU, and collects what it logs as an error. */
async function openPage(
	browser: Browser,
	address: string,
	options: { readonly reducedMotion?: "reduce"; readonly prepare?: (page: Page) => Promise<unknown> } = {},
) {
	const { reducedMotion = "no-preference", prepare } = options;
	const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 }, reducedMotion });
	const page = await context.newPage();
	const errors = collectErrors(page);
	await prepare?.(page);
	await page.goto(`${address}playground/`);
	await page.locator('[data-figure="moment"]').waitFor({ timeout: patience });
	return { page, errors, close: () => context.close() };
}

/** Whether the strip of digits shows something. */
function stripIsDrawn(page: Page): Promise<boolean> {
	return page.evaluate(() => {
		const canvas = document.querySelector<HTMLCanvasElement>("#recorded .strip canvas");
		const data = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
		return data?.some((value, i) => i % 4 !== 3 && value > 128) === true;
	});
}

/** Browsers without WebGPU, without an adapter, and with a worker that does not start. */
export async function fallbackTests({ address, test }: Tester): Promise<void> {
	const browser = await launchChromium({ hasWebGPU: false });
	try {
		await test("without an adapter: what is missing, what to do, and a recorded run that plays", async () => {
			const { page, errors, close } = await openPage(browser, address);
			const text = (await page.textContent("#missing")) ?? "";
			assert.match(text, /has WebGPU, but found no graphics card/);
			assert.match(text, /In Chrome or Edge.*chrome:\/\/flags\/#enable-unsafe-webgpu/s);
			const first = await figure(page, "moment");
			await page.waitForFunction(
				(first) => document.querySelector('[data-figure="moment"]')?.textContent !== first,
				first,
				{ timeout: patience },
			);
			await page.locator("#recorded").getByRole("button", { name: "Pause" }).click();
			const slider = page.getByLabel("Moment of the recorded run");
			await slider.focus();
			await page.keyboard.press("End");
			assert.equal(await figure(page, "moment"), "step 2,000");
			await page.waitForFunction(
				() => /NMSE\)0\.0\d+/.test(document.querySelector("#recorded .figures")?.textContent ?? ""),
				null,
				{ timeout: patience },
			);
			assert.ok(await stripIsDrawn(page));
			await page.locator("#how").getByText("The nearest code").first().waitFor();
			assert.equal(await page.locator("#train").count(), 0);
			const lost = await page
				.locator('a[href^="#"]')
				.evaluateAll((links) =>
					links.map((link) => link.getAttribute("href") ?? "").filter((href) => document.querySelector(href) === null),
				);
			assert.deepEqual(lost, []);
			const found = await violations(page);
			assert.equal(found.length, 0, found.join("\n"));
			assert.deepEqual(errors, []);
			await close();
		});

		await test("without navigator.gpu, and with reduced motion: the run stands at its end", async () => {
			const { page, errors, close } = await openPage(browser, address, {
				reducedMotion: "reduce",
				prepare: (page) => page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "gpu")),
			});
			assert.match((await page.textContent("#missing")) ?? "", /This browser \(Chrome \d+, \w+\) has no WebGPU/);
			assert.equal(await figure(page, "moment"), "step 2,000");
			await page.waitForTimeout(1000);
			assert.equal(await figure(page, "moment"), "step 2,000");
			assert.deepEqual(errors, []);
			await close();
		});

		await test("a worker whose script cannot be loaded is a message, not an empty page", async () => {
			const { page, close } = await openPage(browser, address, {
				prepare: (page) => page.route("**/worker.js", (route) => route.fulfill({ status: 404 })),
			});
			assert.match((await page.textContent("#missing")) ?? "", /The page could not start.*Reload it/s);
			await close();
		});
	} finally {
		await browser.close();
	}
}
