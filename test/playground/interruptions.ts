import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { patience, stepOf, type Tester, untilStep } from "./tester.js";

/** A small network, so that steps are short. */
const small = "hidden=8&images=64&batch=4&codes=16";

/** Opens the playground in a page of its own, where `script` has changed the browser first. */
async function openWith({ page, address }: Tester, script: () => void, body: (page: Page) => Promise<void>) {
	const other = await page.context().newPage();
	const errors: string[] = [];
	other.on("pageerror", ({ message }) => errors.push(message));
	try {
		await other.addInitScript(script);
		await other.goto(`${address}playground/?${small}`);
		await untilStep(other, 2);
		await body(other);
		assert.deepEqual(errors, []);
	} finally {
		await other.close();
	}
}

/** What users do at a bad moment, and browsers that refuse what most allow. */
export async function interruptionTests(tester: Tester): Promise<void> {
	const { page, address, test } = tester;
	await page.goto(`${address}playground/?${small}&codes=64`);
	await untilStep(page, 2);

	await test("another run while images are mixed, and fewer codes than the chosen one: no error is shown", async () => {
		await page.locator("#draw summary").click();
		await page.locator("#draw").getByRole("slider", { name: "Code to paint with" }).fill("63");
		await page.locator("#train .options > summary").click();
		const train = page.locator("#train form");
		for (const codes of ["8", "32", "8"]) {
			await train.getByLabel("Codes K").fill(codes);
			await train.getByLabel("Quantizer").selectOption(codes === "32" ? "residual" : "ema");
			await train.locator("button[type=submit]").click();
			await page.waitForFunction(
				(wanted) => document.querySelector('[data-figure="codes-in-use"]')?.textContent?.endsWith(` of ${wanted}`),
				codes,
				{ timeout: patience },
			);
		}
		assert.equal(await page.locator('[data-figure="chosen"]').textContent(), "0");
		await page.locator("#draw .code-grid [data-position]").nth(3).click();
		await page.getByRole("heading", { name: "Its codes, repainted" }).waitFor({ timeout: patience });
		await untilStep(page, (await stepOf(page)) + 2);
		assert.deepEqual(await page.locator(".message.bad").allTextContents(), []);
	});

	await test("a benchmark that a new run interrupts can be started again", async () => {
		const machine = page.locator("#machine");
		const start = machine.getByRole("button", { name: "Run the benchmark" });
		await start.click();
		await machine.locator("progress").waitFor({ timeout: patience });
		await page.locator("#train").getByRole("button", { name: "Restart" }).click();
		await start.waitFor({ timeout: patience });
		await untilStep(page, 2);
	});

	await test("trains where the browser forbids storage", async () => {
		const forbid = () => {
			for (const name of ["localStorage", "sessionStorage", "indexedDB"])
				Object.defineProperty(window, name, {
					get() {
						throw new DOMException("denied", "SecurityError");
					},
				});
		};
		await openWith(tester, forbid, async (other) => {
			await other.getByRole("button", { name: "Store the run now" }).click();
			await other.getByText(/lets the page store nothing/).waitFor({ timeout: patience });
			assert.equal(await other.locator(".message.bad").count(), 0);
		});
	});

	await test("says that the browser's storage is full, and goes on saying so", async () => {
		const fill = () => {
			IDBObjectStore.prototype.put = () => {
				throw new DOMException("full", "QuotaExceededError");
			};
		};
		await openWith(tester, fill, async (other) => {
			await other.getByRole("button", { name: "Store the run now" }).click();
			await other.getByText(/storage for this page is full/).waitFor({ timeout: patience });
			await untilStep(other, (await stepOf(other)) + 10);
			assert.equal(await other.getByText(/storage for this page is full/).count(), 1);
		});
	});
}
