import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { type Tester, untilStep } from "./tester.js";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** Screenshots of each panel lie here after the tests, to be looked at. */
const pictures = "build/screenshots";

/** What axe-core finds on the page, one line each. */
export async function violations(page: Page): Promise<string[]> {
	if (!(await page.evaluate(() => "axe" in globalThis))) await page.addScriptTag({ path: axe });
	return page.evaluate(async () => {
		const { axe } = globalThis as unknown as {
			axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
		};
		const { violations } = await axe.run();
		return violations.flatMap(({ id, nodes }) =>
			nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
		);
	});
}

/** axe-core and the widths of pages, in both themes; screenshots of all panels. */
export async function accessibilityTests({ page, test }: Tester): Promise<void> {
	await untilStep(page, 20);
	await mkdir(pictures, { recursive: true });
	for (const theme of ["light", "dark"])
		for (const width of [360, 768, 1440]) {
			await test(`${theme}, ${width} pixels: nothing overflows, axe-core finds nothing`, async () => {
				await page.evaluate((name) => {
					document.documentElement.dataset.theme = name;
				}, theme);
				await page.setViewportSize({ width, height: 900 });
				await page.waitForTimeout(500);
				const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				assert.ok(overflow <= 0, `${overflow} pixels too wide`);
				const found = await violations(page);
				assert.equal(found.length, 0, found.join("\n"));
				await page.screenshot({ path: `${pictures}/${theme}-${width}.png`, fullPage: true });
			});
		}

	await test("everything is reached by keyboard, and what has the focus can be seen", async () => {
		await page.setViewportSize({ width: 1280, height: 900 });
		await page.evaluate(() => {
			document.body.tabIndex = -1;
			document.body.focus();
		});
		const seen = new Set<string>();
		for (let i = 0; i < 150; i++) {
			await page.keyboard.press("Tab");
			const focused = await page.evaluate(() => {
				const element = document.activeElement;
				return element === null || element === document.body
					? undefined
					: `${element.closest("section")?.id ?? "page"}`;
			});
			if (focused === undefined) break;
			seen.add(focused);
		}
		const panels = await page.locator("main section.card").evaluateAll((all) => all.map(({ id }) => id));
		assert.deepEqual(
			panels.filter((id) => !seen.has(id)),
			[],
		);
	});
}
