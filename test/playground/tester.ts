import type { Page } from "playwright-core";

/** What the tests of a part of the playground get. */
export interface Tester {
	/** A page of its own, at the playground, which trains. */
	readonly page: Page;
	/** Where the site is served, with a slash at its end. */
	readonly address: string;
	/** The paths that the site was asked for so far, in all parts. */
	readonly requested: readonly string[];
	/** Runs a test, and counts it. One that fails does not end the others. */
	test(name: string, body: () => Promise<void>): Promise<void>;
}

/** The text of a figure of the page, such as "step" or "nmse". */
export async function figure(page: Page, name: string): Promise<string> {
	return (await page.locator(`[data-figure="${name}"]`).first().textContent()) ?? "";
}

/** The step that the page shows. */
export async function stepOf(page: Page): Promise<number> {
	return Number((await figure(page, "step")).replaceAll(",", ""));
}

/** Waits until the page shows this step or a later one. */
export async function untilStep(page: Page, step: number): Promise<void> {
	await page.waitForFunction(
		(wanted) => Number(document.querySelector('[data-figure="step"]')?.textContent?.replaceAll(",", "") ?? 0) >= wanted,
		step,
		{ timeout: patience, polling: 200 },
	);
}

/** How long a test waits for something, in milliseconds; the machine may be slow and busy. */
export const patience = 240_000;
