import type { Browser, BrowserContext, Page } from "playwright-core";
import * as assert from "uvu/assert";
import { violations } from "./accessibility.js";
import { collectErrors } from "./browser.js";

/** How long a program of the front page may take on SwiftShader, in milliseconds. */
const patience = 120_000;

/** The widths that pages are looked at in. */
const widths = [360, 1440];

/**
 * Checks the library's site: that every page loads what it needs, that links and anchors lead somewhere, that axe finds nothing
 * in either theme, that no page is wider than a phone, and that the front page's programs run.
 *
 * @param address the address of the site's folder, with a slash at its end
 * @throws Error with what is wrong, page by page
 */
export async function checkSite(browser: Browser, address: string): Promise<void> {
	const context = await browser.newContext();
	try {
		const anchors = await checkPages(context, address);
		console.log(`The site's ${anchors.size} pages load, and their links lead somewhere.`);
		await checkMenu(context, address);
		await checkTheme(context, address);
		await checkFilter(context, address);
		await checkPrograms(context, address);
		console.log("The front page's programs run.");
	} finally {
		await context.close();
	}
	await checkWithoutScripts(browser, address);
}

/** Opens a page. Returns it with the list of what it complains about, which grows. */
async function open(context: BrowserContext, address: string): Promise<{ page: Page; complaints: string[] }> {
	const page = await context.newPage();
	const complaints = collectErrors(page);
	page.on("requestfailed", (request) => complaints.push(`${request.url()} could not be loaded`));
	page.on("request", (request) => {
		const { origin } = new URL(address);
		if (!/^(?:blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin)
			complaints.push(`${request.url()} is on another host`);
	});
	page.on("response", (response) => {
		if (response.status() >= 400) complaints.push(`${response.url()}: status ${response.status()}`);
	});
	await page.goto(address);
	return { page, complaints };
}

/** Checks every page that can be reached from the front page. Returns their ids, by the pages' addresses. */
async function checkPages(context: BrowserContext, address: string): Promise<Map<string, Set<string>>> {
	const ids = new Map<string, Set<string>>();
	const links: { from: string; to: URL }[] = [];
	const pages = new Set([new URL("index.html", address).href]);
	const problems: string[] = [];
	for (const url of pages) {
		const { page, complaints } = await open(context, url);
		if (!(await page.title()).includes("Tessera")) problems.push(`${url} has no title`);
		const found = await page.evaluate(() => ({
			ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
			links: [...document.querySelectorAll("a")].map(({ href }) => href),
		}));
		if (new Set(found.ids).size < found.ids.length) problems.push(`${url} has an id twice`);
		ids.set(url, new Set(found.ids));
		for (const link of found.links) {
			const to = new URL(link);
			if (to.origin !== new URL(address).origin) continue;
			if (!to.href.startsWith(address)) problems.push(`${url} links to ${link}, which is outside of the site`);
			links.push({ from: url, to });
			const file = to.href.replace(/#.*$/, "");
			// The playground has tests of its own.
			if (!file.startsWith(`${address}playground/`)) pages.add(file);
		}
		for (const width of widths)
			for (const theme of ["light", "dark"]) {
				await page.setViewportSize({ width, height: 900 });
				await page.evaluate((theme) => {
					document.documentElement.dataset.theme = theme;
				}, theme);
				const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				if (wider > 0) problems.push(`${url} is ${wider} pixels wider than ${width}`);
				for (const found of await violations(page)) problems.push(`${url} at ${width} pixels, ${theme}: ${found}`);
			}
		problems.push(...complaints.map((complaint) => `${url}: ${complaint}`));
		await page.close();
	}
	for (const { from, to } of links) {
		const file = to.href.replace(/#.*$/, "");
		const known = ids.get(file);
		if (known === undefined) {
			const response = await context.request.get(file);
			if (!response.ok()) problems.push(`${from} links to ${file}, which is not there`);
		} else if (to.hash !== "" && !known.has(decodeURIComponent(to.hash.slice(1))))
			problems.push(`${from} links to ${to}, which has no such part`);
	}
	assert.equal([...new Set(problems)], []);
	return ids;
}

/** On a phone the pages' links are behind a button, and Escape hides them again. */
async function checkMenu(context: BrowserContext, address: string): Promise<void> {
	const { page, complaints } = await open(context, address);
	await page.setViewportSize({ width: 360, height: 800 });
	const link = page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: "Decisions" });
	assert.not.ok(await link.isVisible(), "the menu is open at first");
	await page.getByRole("button", { name: "Menu" }).press("Enter");
	await link.waitFor();
	await page.keyboard.press("Escape");
	await link.waitFor({ state: "hidden" });
	await page.getByRole("button", { name: "Menu" }).click();
	await link.click();
	await page.getByRole("heading", { name: "Decisions", exact: true }).waitFor();
	assert.equal(complaints, []);
	await page.close();
}

/** The theme switch changes the theme, and the next page keeps it. */
async function checkTheme(context: BrowserContext, address: string): Promise<void> {
	const { page, complaints } = await open(context, address);
	const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
	assert.is(await theme(), undefined, "at first the theme is the system's");
	await page.getByRole("button", { name: "Switch to the dark theme" }).click();
	assert.is(await theme(), "dark");
	await page.goto(`${address}results.html`);
	assert.is(await theme(), "dark");
	await page.getByRole("button", { name: "Switch to the light theme" }).click();
	await page.reload();
	assert.is(await theme(), "light");
	assert.is(await page.evaluate(() => localStorage.getItem("theme")), "light");
	assert.equal(complaints, []);
	await page.close();
}

/** The filter of the operations hides what lacks its words, and a link to an operation shows it again. */
async function checkFilter(context: BrowserContext, address: string): Promise<void> {
	const { page, complaints } = await open(context, `${address}operations.html`);
	const shown = () => page.locator("article tbody tr:visible").count();
	const all = await shown();
	await page.getByRole("searchbox", { name: "Filter" }).fill("softmax");
	const some = await shown();
	assert.ok(some > 0 && some < all / 4, `"softmax" shows ${some} of ${all} operations`);
	assert.ok((await page.getByRole("status").textContent())?.startsWith(`${some} of ${all}`));
	await page.evaluate(() => {
		location.hash = "#conv2d";
	});
	await page.locator("#conv2d").waitFor({ state: "visible" });
	assert.is(await shown(), all);
	assert.equal(complaints, []);
	await page.close();
}

/** The programs of the front page run on the page's adapter, and errors are shown in words. */
async function checkPrograms(context: BrowserContext, address: string): Promise<void> {
	const { page, complaints } = await open(context, address);
	const editor = page.getByRole("textbox", { name: "Program" });
	const output = page.getByRole("log", { name: "Output" });
	const run = async () => {
		await page.getByRole("button", { name: "Run", exact: true }).click();
		await page.locator('.workbench[data-state="ended"]').waitFor({ timeout: patience });
		return (await output.textContent()) ?? "";
	};

	const numbers =
		/Float32Array\(9\) \[(.*)\]/
			.exec(await run())?.[1]
			?.split(", ")
			.map(Number) ?? [];
	const sobel = [1, 0, -1, 2, 0, -2, 1, 0, -1];
	assert.is(numbers.length, 9, (await output.textContent()) ?? "");
	const furthest = Math.max(...sobel.map((value, i) => Math.abs((numbers[i] ?? Number.NaN) - value)));
	assert.ok(furthest < 0.01, `the filter is ${numbers.join(", ")}`);

	// An edit is what runs, also by the keyboard.
	await editor.fill(
		'import { openDevice } from "tessera-gpu";\nconst gpu = await openDevice();\n(await gpu.tensor([1, 2])).relu();',
	);
	await editor.press("Control+Enter");
	await page.locator('.workbench[data-state="ended"]').waitFor({ timeout: patience });
	assert.match((await output.textContent()) ?? "", /TypeError: .*relu is not a function \(line 3\)/);
	await page.getByRole("button", { name: "Undo my changes" }).click();
	assert.ok((await editor.inputValue()).includes("conv2d(x, w)"));

	await page.getByRole("button", { name: "A wrong call" }).click();
	assert.match(
		await run(),
		/ArgumentError: conv2d: there is no option "strides"; did you mean "stride"\?.* \(line 8\)/,
	);
	await editor.fill((await editor.inputValue()).replace("strides:", "stride:"));
	assert.match(await run(), /Tensor float32 \[16, 8, 13, 13\]/);

	// A program is stopped while it trains, and nothing of it is heard later.
	await page.getByRole("button", { name: "Two spirals" }).click();
	await page.getByRole("button", { name: "Run", exact: true }).click();
	await output.getByText("step 100").waitFor({ timeout: patience });
	await page.getByRole("button", { name: "Stop" }).click();
	assert.match((await page.getByRole("status").textContent()) ?? "", /Stopped/);
	await page.waitForTimeout(500);
	assert.not.match((await output.textContent()) ?? "", /Error|step 400/);
	assert.match(await run(), /step 400: loss 0\.[0-4]/);
	assert.ok(await page.evaluate(isPainted), "the spirals are not drawn");
	await page.getByRole("button", { name: "A VQ-VAE" }).click();
	assert.match(await run(), /step 64 of 64: normalised error 0\.[0-5]/);
	assert.ok(await page.evaluate(isPainted), "the reconstructions are not drawn");

	// A browser without WebGPU.
	await page.evaluate(() => Object.defineProperty(navigator, "gpu", { value: undefined }));
	assert.match(await run(), /NoAdapterError: openDevice: this browser has no WebGPU/);
	assert.equal(complaints, []);
	await page.close();
}

/** Whether a page's canvas has more than one colour. */
function isPainted(): boolean {
	const canvas = document.querySelector("canvas");
	const data = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
	return new Set(data).size > 8;
}

/** Without scripts everything but the programs is there. */
async function checkWithoutScripts(browser: Browser, address: string): Promise<void> {
	const context = await browser.newContext({ javaScriptEnabled: false });
	try {
		const { page, complaints } = await open(context, address);
		assert.ok(await page.getByText("The program needs JavaScript to run.").isVisible());
		assert.is(await page.locator("button:visible").count(), 0);
		await page.getByRole("link", { name: "Operations" }).first().click();
		assert.ok(await page.getByRole("heading", { name: "Reductions" }).isVisible());
		assert.equal(complaints, []);
	} finally {
		await context.close();
	}
}
