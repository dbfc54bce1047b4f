// Makes the README's picture of the playground: trains in a headless Chromium, and takes a screenshot.
//   npm run playground:picture
import { mkdir } from "node:fs/promises";
import sharp from "sharp";
import { launchChromium } from "./browser.js";
import { serveFolder } from "./serve.js";
import { untilStep } from "./tester.js";

const file = ".github/playground.png";
/** Steps that are trained first. */
const steps = 300;

const host = await serveFolder("site");
const browser = await launchChromium({ hasWebGPU: true });
try {
	const page = await browser.newPage({
		locale: "en-US",
		viewport: { width: 1280, height: 1330 },
		colorScheme: "light",
	});
	await page.goto(`${host.address}playground/?stop=${steps}`);
	await untilStep(page, steps);
	await page.waitForTimeout(3000);
	await mkdir(".github", { recursive: true });
	await sharp(await page.screenshot())
		.png({ palette: true, colours: 128 })
		.toFile(file);
	console.log(`${file}: after ${steps} steps`);
} finally {
	await browser.close();
	await host.close();
}
