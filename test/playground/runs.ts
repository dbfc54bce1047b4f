import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { downloaded, pause, trainedFor } from "./files.js";
import { patience, type Tester, untilStep } from "./tester.js";

/** A small network, so that steps are short. */
const small = "hidden=8&images=64&batch=4&codes=16&seed=5";

/** The names of the stored runs. */
function namesOf(page: Page): Promise<string[]> {
	return page.locator("#runs .runs h3 label").allTextContents();
}

/** Links, stored runs, and the rate–distortion plane. */
export async function runsTests({ page, address, test }: Tester): Promise<void> {
	const runs = page.locator("#runs");
	const shown = runs.locator(".runs li.shown");

	await test("a link gives the same weights each time, bit for bit", async () => {
		await trainedFor(page, address, small, 12);
		const first = await downloaded(page, "model.safetensors");
		await trainedFor(page, address, small, 12);
		const second = await downloaded(page, "model.safetensors");
		assert.ok(first.equals(second));
		await trainedFor(page, address, `${small}6`, 12);
		assert.ok(!first.equals(await downloaded(page, "model.safetensors")), "another seed gives the same weights");
	});

	await test("a run goes on after a reload with the bits of one that was not interrupted", async () => {
		await trainedFor(page, address, small, 9);
		await shown.waitFor({ timeout: patience });
		await page.reload();
		await page.getByText(/goes on from step 9, where this browser stored it/).waitFor({ timeout: patience });
		await untilStep(page, 12);
		const step = await pause(page);
		const continued = await downloaded(page, "model.safetensors");
		await trainedFor(page, address, small, step);
		assert.ok(continued.equals(await downloaded(page, "model.safetensors")), `at step ${step}`);
	});

	await test("another tab does not take the run of this one", async () => {
		const other = await page.context().newPage();
		await other.goto(`${address}playground/?${small}`);
		await untilStep(other, 1);
		assert.equal(await other.getByText(/goes on from step/).count(), 0);
		await other.close();
	});

	await test("a point of the rate–distortion plane is trained, stored and can be read", async () => {
		const before = await runs.locator(".rd-point").count();
		await runs.getByRole("slider", { name: "Codes K" }).fill("2");
		await runs.getByRole("slider", { name: "Dimensions D" }).fill("1");
		await runs.getByRole("combobox", { name: "Steps" }).selectOption("50");
		await runs.getByRole("button", { name: "Train this point" }).click();
		await page.waitForFunction((count) => document.querySelectorAll(".rd-point").length > count, before, {
			timeout: patience,
		});
		assert.ok((await namesOf(page)).includes("K 4, D 2, 50 steps"));
		await runs.getByText("The points as a table").click();
		const row = runs.getByRole("row", { name: /K 4, D 2, 50 steps/ });
		const [bits, most] = (await row.getByRole("cell").allTextContents()).slice(1).map(Number) as [number, number];
		assert.ok(bits > 0 && bits <= most, `${bits} of ${most}`);
		assert.equal(most, 98); // 7 × 7 positions of 2 bits
	});

	await test("two runs are compared, one is renamed, continued, and deleted", async () => {
		await runs.locator(".runs input[type=checkbox]").nth(0).check();
		await runs.locator(".runs input[type=checkbox]").nth(1).check();
		await runs.getByText(/^First: /).waitFor({ timeout: patience });
		await runs.locator(".runs li").nth(1).getByRole("button", { name: "Rename" }).click();
		await runs.getByRole("textbox", { name: "Name" }).fill("My run");
		await runs.locator(".runs form").getByRole("button", { name: "Rename" }).click();
		await runs.locator(".runs li", { hasText: "My run" }).waitFor({ timeout: patience });
		const mine = runs.locator(".runs li", { hasText: "My run" });
		await mine.getByRole("button", { name: "Continue" }).click();
		await page.waitForFunction(
			() => document.querySelector("#runs .runs li.shown")?.textContent?.includes("My run") === true,
			null,
			{ timeout: patience },
		);
		await pause(page);
		await mine.getByRole("button", { name: "Delete" }).click();
		await mine.waitFor({ state: "detached", timeout: patience });
		await runs.getByRole("button", { name: "Delete all" }).click();
		await runs.getByRole("button", { name: /^Yes, delete all/ }).click();
		await page.waitForFunction(() => document.querySelector("#runs .runs li") === null, null, { timeout: patience });
	});
}
