import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { blocksOf } from "../readme_blocks.js";

/** The HTML page of the README. The tests are run from the root of the repository. */
export async function readmePage(): Promise<string> {
	const page = blocksOf(await readFile("README.md", "utf8")).find(({ language }) => language === "html");
	if (page === undefined) throw new Error("README.md has no HTML page");
	return page.code;
}

/**
 * Opens the page, and waits until it has trained.
 *
 * @throws Error if it shows or logs an error, does not reach its last step, or shows no reconstructions that resemble the originals
 */
export async function checkReadmePage(page: Page, address: string): Promise<void> {
	const errors: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error") errors.push(message.text());
	});
	await page.goto(address);
	let log = "";
	do {
		await new Promise((later) => setTimeout(later, 250));
		log = (await page.textContent("#log")) ?? "";
		if (errors.length > 0 || /Error/.test(log)) throw new Error(`the README's page: ${[log, ...errors].join("\n")}`);
	} while (!/step (\d+) of \1\b/.test(log));
	const error = Number(/normalised error ([\d.]+)/.exec(log)?.[1]);
	if (!(error > 0 && error < 0.5)) throw new Error(`the README's page: ${log}`);
	// The last picture is drawn after the last text.
	await page.waitForFunction(() => {
		const canvas = document.querySelector("canvas");
		const pixels = canvas?.getContext("2d")?.getImageData(0, 28, 448, 28).data ?? [];
		return pixels.some((value, i) => i % 4 === 0 && value > 200);
	});
}

/**
 * Opens examples/in_a_page.html, and waits until it has trained.
 *
 * @throws Error if it shows or logs an error, does not learn, or draws nothing
 */
export async function checkExamplePage(page: Page, address: string): Promise<void> {
	const errors: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error") errors.push(message.text());
	});
	await page.goto(address);
	let log = "";
	do {
		await new Promise((later) => setTimeout(later, 250));
		log = (await page.textContent("#log")) ?? "";
		if (errors.length > 0 || !/^(Opening|step)/.test(log))
			throw new Error(`in_a_page.html: ${[log, ...errors].join("\n")}`);
	} while (!log.endsWith("done"));
	const loss = Number(/loss ([\d.]+)/.exec(log)?.[1]);
	if (!(loss < 0.1)) throw new Error(`in_a_page.html: ${log}`);
	const colours = await page.evaluate(() => {
		const pixels = document.querySelector("canvas")?.getContext("2d")?.getImageData(0, 0, 96, 96).data ?? [];
		const reds = Array.from({ length: 96 * 96 }, (_, i) => pixels[4 * i] ?? 0);
		return [Math.min(...reds), Math.max(...reds)] as const;
	});
	if (!(colours[0] < 80 && colours[1] > 220))
		throw new Error(`in_a_page.html draws colours from ${colours[0]} to ${colours[1]}`);
}
