import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { figure, patience } from "./tester.js";

/** The bytes of the file that a button of the panel downloads. */
export async function downloaded(page: Page, button: string): Promise<Buffer> {
	const waiting = page.waitForEvent("download", { timeout: patience });
	await page.locator("#take-along").getByRole("button", { name: button, exact: true }).click({ timeout: patience });
	return readFile(await (await waiting).path());
}

/** Opens a link that trains for some steps and then pauses. */
export async function trainedFor(page: Page, address: string, query: string, steps: number): Promise<void> {
	await page.goto(`${address}playground/?${query}&stop=${steps}`);
	await untilPausedAt(page, steps);
}

async function untilPausedAt(page: Page, step: number): Promise<void> {
	await page.waitForFunction(
		(wanted) => document.querySelector('[data-figure="step"]')?.textContent === wanted,
		step.toLocaleString("en-US"),
		{ timeout: patience },
	);
	await page.getByRole("button", { name: "Play", exact: true }).waitFor({ timeout: patience });
}

/** Pauses the run. @returns its step */
export async function pause(page: Page): Promise<number> {
	await page.getByRole("button", { name: "Pause", exact: true }).click({ timeout: patience });
	await page.getByRole("button", { name: "Play", exact: true }).waitFor({ timeout: patience });
	// The frame after the pause has the step.
	await page.waitForTimeout(1500);
	return Number((await figure(page, "step")).replaceAll(",", ""));
}
