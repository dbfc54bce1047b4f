// The last module of the browser's test bundle: runs the queued suites, and publishes how they fared.
import { exec } from "uvu";
import { counter, restoreConsole, write } from "./setup.js";

restoreConsole();
const progress = globalThis.tesseraTests;

try {
	const adapter = await navigator.gpu?.requestAdapter();
	if (!adapter) throw new Error("this browser offers no WebGPU adapter");
	const { vendor, architecture, device, description } = adapter.info;
	write(`  Adapter:   ${[vendor, architecture, device, description].filter(Boolean).join(", ")}\n`);
	write(`  Browser:   ${navigator.userAgent}\n\n`);
	counter.wrap();
	await exec();
	for (const complaint of counter.complaints()) write(`${complaint}\n`);
	progress.succeeded = counter.succeeded();
} catch (error) {
	write(`${error instanceof Error ? error.stack : error}\n`);
}
progress.passed = counter.passed;
progress.failed = counter.failed;
write(`${progress.passed} passed, ${progress.failed} failed\n`);
progress.finished = true;
