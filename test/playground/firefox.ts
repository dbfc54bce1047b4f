// Tests that the playground trains in an installed Firefox, headless. Firefox has to be installed for it.
//   node build/test/node/playground/firefox.js
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { serveFolder } from "./serve.js";

/** How long the page may take to reach a step, in milliseconds. */
const patience = 180_000;

const path = [process.env.TESSERA_FIREFOX, "/usr/bin/firefox", "/usr/bin/firefox-esr"].find(
	(name) => name !== undefined && existsSync(name),
);
if (path === undefined) {
	console.log(
		"No Firefox was found: install it (Debian: apt-get install firefox-esr), or name its program in TESSERA_FIREFOX.",
	);
	console.log("0 passed, 1 failed");
	process.exit(1);
}
const host = await serveFolder("site");
const browser = await puppeteer.launch({
	browser: "firefox",
	executablePath: path,
	headless: true,
	extraPrefsFirefox: {
		"dom.webgpu.enabled": true,
		"dom.webgpu.workers.enabled": true,
		"gfx.webgpu.ignore-blocklist": true,
		"intl.accept_languages": "en-US",
	},
});
try {
	const page = await browser.newPage();
	const errors: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error") errors.push(message.text());
	});
	page.on("pageerror", (error) => errors.push(String(error)));
	await page.setViewport({ width: 1280, height: 900 });
	await page.goto(`${host.address}playground/`);
	const figure = (name: string) =>
		page.evaluate((id) => document.querySelector(`[data-figure="${id}"]`)?.textContent ?? "", name);
	await page.waitForFunction(
		() => Number(document.querySelector('[data-figure="step"]')?.textContent?.replaceAll(",", "")) >= 60,
		{ timeout: patience, polling: 500 },
	);
	assert.ok(Number(await figure("nmse")) < 0.2, `the error of test images is ${await figure("nmse")}`);
	console.log(`  ✓ ${await browser.version()}: step ${await figure("step")}, NMSE ${await figure("nmse")}`);
	const codes = await page.$$eval("#draw .code-grid button", (cells) => cells.map(({ textContent }) => textContent));
	assert.equal(codes.length, 49);
	assert.ok(
		codes.every((code) => /^\d+$/.test(code ?? "")),
		"the drawing has codes",
	);
	console.log("  ✓ the drawing has 49 codes");
	assert.deepEqual(errors, []);
	console.log("  ✓ the page logs no error");
	console.log("3 passed, 0 failed");
} catch (error) {
	console.log(error);
	console.log("0 passed, 1 failed");
	process.exitCode = 1;
} finally {
	await browser.close();
	await host.close();
}
