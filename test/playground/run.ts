// Tests the playground and the site in a headless Chromium, with WebGPU on SwiftShader.
//   node build/test/node/playground/run.js [part …]
import type { BrowserContext } from "playwright-core";
import { accessibilityTests } from "./accessibility.js";
import { collectErrors, launchChromium } from "./browser.js";
import { dataTests } from "./data.js";
import { drawTests } from "./draw.js";
import { fallbackTests } from "./fallback.js";
import { interruptionTests } from "./interruptions.js";
import { machineTests } from "./machine.js";
import { priorTests } from "./prior.js";
import { runsTests } from "./runs.js";
import { serveFolder } from "./serve.js";
import { checkSite } from "./site.js";
import { slowMotionTests } from "./slow_motion.js";
import { stateTests } from "./states.js";
import { takeAlongTests } from "./take_along.js";
import type { Tester } from "./tester.js";
import { trainTests } from "./train.js";
import { whatIfTests } from "./what_if.js";

/** The parts, by name; each has a page of its own. */
const parts: Readonly<Record<string, (tester: Tester) => Promise<void>>> = {
	train: trainTests,
	draw: drawTests,
	prior: priorTests,
	"slow motion": slowMotionTests,
	data: dataTests,
	machine: machineTests,
	fallback: fallbackTests,
	states: stateTests,
	interruptions: interruptionTests,
	"what if": whatIfTests,
	runs: runsTests,
	"take along": takeAlongTests,
	accessibility: accessibilityTests,
};

let passed = 0;
let failed = 0;

async function test(name: string, body: () => Promise<void>): Promise<void> {
	const begin = performance.now();
	try {
		await body();
		passed += 1;
		console.log(`  ✓ ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
	} catch (error) {
		failed += 1;
		console.log(`  ✗ ${name}\n${error instanceof Error ? error.stack : error}`);
	}
}

/** The library's site has pages of its own. */
const site = "site";
const chosen = process.argv.slice(2);
const names = [...Object.keys(parts), site];
const unknown = chosen.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`There is no part "${unknown}"; the parts are ${names.join(", ")}.`);
const host = await serveFolder("site");
const browser = await launchChromium({ hasWebGPU: true });
try {
	for (const [name, runPart] of Object.entries(parts)) {
		if (chosen.length > 0 && !chosen.includes(name)) continue;
		console.log(name);
		const context: BrowserContext = await browser.newContext({
			locale: "en-US",
			viewport: { width: 1280, height: 900 },
		});
		const page = await context.newPage();
		const errors = collectErrors(page);
		try {
			await page.goto(`${host.address}playground/`);
			await runPart({ page, address: host.address, requested: host.requested, test });
		} catch (error) {
			await test(`${name} comes to its end`, () => Promise.reject(error));
		}
		await test(`${name}: the page logs no error`, async () => {
			if (errors.length > 0) throw new Error(errors.join("\n"));
		});
		await context.close();
	}
	if (chosen.length === 0 || chosen.includes(site)) {
		console.log(site);
		await test("pages, links, programs, themes, axe-core", () => checkSite(browser, host.address));
	}
} finally {
	await browser.close();
	await host.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
