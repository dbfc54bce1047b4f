// Opens report.html in Chromium.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { reportPage } from "../../../src/node/report/report_page.js";
import { findChromium } from "../../browser/chromium.js";
import { reportData } from "./report_data_of.js";

const widths = [360, 1440];
const schemes = ["light", "dark"] as const;

let folder = "";
let browser: Browser;

const test = suite("the page of a run in a browser");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-report-page-"));
	const name = '<b onclick="x">run & "quotes"</b>';
	const classes = ["</script><script>document.title = 'attacked'</script>", "a class with a long name".repeat(4)];
	const data = reportData({ name, written: new Date().toISOString() });
	await writeFile(join(folder, "report.html"), reportPage({ ...data, config: { ...data.config, classes } }));
	const { path, environment } = await findChromium();
	browser = await chromium.launch({
		executablePath: path,
		args: ["--no-sandbox"],
		env: { ...process.env, ...environment },
	});
});

test.after(async () => {
	await browser.close();
	await rm(folder, { recursive: true, force: true });
});

/** Opens the page, and calls `body`. Errors, requests and dialogs fail the test. */
async function withPage(options: BrowserContextOptions, body: (page: Page) => Promise<void>): Promise<void> {
	const context = await browser.newContext(options);
	const page = await context.newPage();
	const troubles: string[] = [];
	const address = pathToFileURL(join(folder, "report.html")).href;
	page.on("pageerror", ({ message }) => troubles.push(message));
	page.on("console", (message) => troubles.push(`${message.type()}: ${message.text()}`));
	page.on("dialog", () => troubles.push("a dialog"));
	page.on("request", (request) => {
		if (request.url() !== address && !request.url().startsWith("data:")) troubles.push(`request: ${request.url()}`);
	});
	await page.goto(address);
	await body(page);
	await context.close();
	assert.equal(troubles, []);
}

/** Of each chart how many pixels of its canvas are drawn. */
function drawnPixels(page: Page): Promise<number[]> {
	return page.$$eval(".chart canvas", (canvases) =>
		canvases.map((canvas) => {
			const { width, height } = canvas as HTMLCanvasElement;
			const pixels = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
			return pixels.filter((value, i) => i % 4 === 3 && value > 200).length;
		}),
	);
}

/** The texts whose contrast to their background is below WCAG's AA: 3 for large text, else 4.5. */
function faintTexts(page: Page): Promise<string[]> {
	return page.evaluate(() => {
		const parts = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
		const luminance = (colour: string) => {
			const [r = 0, g = 0, b = 0] = parts(colour).map((value) => {
				const share = value / 255;
				return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
			});
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const background = (element: Element | null): string => {
			if (element === null) return "rgb(255, 255, 255)";
			const colour = getComputedStyle(element).backgroundColor;
			const [, , , alpha = 1] = parts(colour);
			return alpha === 1 ? colour : background(element.parentElement);
		};
		const faint: string[] = [];
		let texts = 0;
		for (const element of document.body.querySelectorAll<HTMLElement>("*:not(script, noscript, noscript *)")) {
			const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
			if (!text || element.getClientRects().length === 0) continue;
			texts++;
			const { color, fontSize } = getComputedStyle(element);
			const [light = 0, dark = 0] = [luminance(color), luminance(background(element))].sort((a, b) => b - a);
			const contrast = (light + 0.05) / (dark + 0.05);
			if (contrast < (Number.parseFloat(fontSize) >= 24 ? 3 : 4.5))
				faint.push(
					`${element.tagName} ${element.className} "${element.textContent?.slice(0, 30)}": ${contrast.toFixed(2)}`,
				);
		}
		if (texts < 80) faint.push(`only ${texts} texts were found`);
		return faint;
	});
}

for (const colorScheme of schemes)
	for (const width of widths)
		test(`${colorScheme}, ${width} pixels: everything is drawn, readable and within the width`, () =>
			withPage({ viewport: { width, height: 800 }, colorScheme }, async (page) => {
				const drawn = await drawnPixels(page);
				assert.is(drawn.length, 6);
				for (const [i, pixels] of drawn.entries()) assert.ok(pixels > 500, `chart ${i}: ${pixels} pixels`);
				assert.equal(await faintTexts(page), []);
				assert.is(await page.evaluate(() => document.documentElement.scrollWidth), width);
				const broken = await page.$$eval("img", (images) =>
					images
						.filter((image) => !image.complete || image.naturalWidth === 0 || image.alt === "")
						.map(({ src }) => src),
				);
				assert.equal(broken, []);
				const headings = await page.$$eval("h1, h2, h3", (found) => found.map(({ tagName }) => Number(tagName[1])));
				assert.ok(
					headings.every((level, i) => level <= (headings[i - 1] ?? 0) + 1),
					headings.join(),
				);
				assert.is(await page.title(), '<b onclick="x">run & "quotes"</b> · Tessera');
			}));

test("the theme's button changes the page and the charts", () =>
	withPage({ colorScheme: "light" }, async (page) => {
		const look = () =>
			page.evaluate(() => {
				const canvas = document.querySelector<HTMLCanvasElement>("#chart-loss canvas");
				return [getComputedStyle(document.body).backgroundColor, canvas?.toDataURL()];
			});
		const light = await look();
		await page.click("#theme"); // light
		assert.equal(await look(), light);
		await page.click("#theme"); // dark
		const dark = await look();
		assert.is.not(dark[0], light[0]);
		assert.is.not(dark[1], light[1]);
		await page.reload();
		assert.equal(await look(), dark, "it is remembered");
		await page.click("#theme"); // as the system
		assert.equal(await look(), light);
		await page.emulateMedia({ colorScheme: "dark" });
		for (let tries = 0; tries < 100 && (await look())[1] !== dark[1]; tries++) await page.waitForTimeout(20);
		assert.equal(await look(), dark, "the system's theme");
	}));

test("values are shown under the pointer and by keyboard", () =>
	withPage({ viewport: { width: 1000, height: 900 } }, async (page) => {
		const legend = () => page.$$eval("#chart-nmse .u-value", (values) => values.map(({ textContent }) => textContent));
		const last = ["200", "0.01", "0.025"];
		assert.equal(await legend(), last, "the last values at first");
		await page.locator("#chart-nmse .u-over").hover({ position: { x: 5, y: 50 } });
		const [step] = await legend();
		assert.ok(Number(step) < 10, `step ${step}`);
		await page.mouse.move(0, 0);
		assert.equal(await legend(), last);
		await page.focus("#chart-nmse");
		await page.keyboard.press("Home");
		assert.equal((await legend()).slice(0, 2), ["1", "2"]);
		await page.keyboard.press("ArrowRight");
		assert.equal((await legend()).slice(0, 2), ["2", "1"]);

		const readout = () => page.textContent("#code-readout-0");
		await page.hover(".codes i:nth-child(5)");
		assert.is(await readout(), "Code 4: 60 uses, 0.41 %");
		await page.focus(".codes");
		await page.keyboard.press("ArrowLeft");
		await page.keyboard.press("ArrowLeft");
		assert.is(await readout(), "Code 2: 62 uses, 0.42 %");
		await page.keyboard.press("End");
		assert.is(await readout(), "Code 63: unused");
		await page.keyboard.press("Home");
		await page.keyboard.press("ArrowDown");
		const below = await page.$eval('.codes [aria-selected="true"]', (item) => {
			const first = item.parentElement?.firstElementChild as HTMLElement;
			return [(item as HTMLElement).offsetLeft === first.offsetLeft, (item as HTMLElement).offsetTop > first.offsetTop];
		});
		assert.equal(below, [true, true]);
	}));

test("without scripts there are pictures, settings and the table of epochs", () =>
	withPage({ javaScriptEnabled: false, reducedMotion: "reduce" }, async (page) => {
		assert.is(await page.isVisible("noscript p"), true);
		assert.is(await page.locator(".chart canvas").count(), 0);
		assert.is(await page.isVisible("#theme"), false);
		assert.ok((await page.locator("tbody tr").count()) >= 3);
		assert.match((await page.textContent("#settings")) ?? "", /adapter\s*a GPU/);
	}));

test("a page of a run that goes on is loaded again, unless the reader does not want it", () =>
	withPage({}, async (page) => {
		await page.clock.install();
		await page.reload();
		await page.evaluate(() => document.body.classList.add("old"));
		const isOld = () => page.evaluate(() => document.body.classList.contains("old"));
		await page.clock.runFor(20_000);
		assert.is(await isOld(), true);
		await page.uncheck("#refresh input");
		await page.clock.runFor(60_000);
		assert.is(await isOld(), true);
		await page.check("#refresh input");
		const loaded = page.waitForEvent("load");
		await page.clock.runFor(31_000);
		await loaded;
		assert.is(await isOld(), false);
	}));

test.run();
