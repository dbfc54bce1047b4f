import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import { loadSafetensors, loadSafetensorsMetadata } from "tessera-gpu";
import { violations } from "./accessibility.js";
import { loseDevice } from "./states.js";
import { figure, patience, stepOf, type Tester, untilStep } from "./tester.js";

/** Small, so that a training takes seconds. */
const query = "?images=256&hidden=16&codes=32&dim=8";
const codes = 32;

function button(page: Page, name: string): Locator {
	return page.locator("#prior").getByRole("button", { name, exact: true });
}

/** The steps that the prior has taken. */
function untilPriorStep(page: Page, step: number): Promise<unknown> {
	return page.waitForFunction(
		(wanted) =>
			Number(/step (\d+) of/.exec(document.querySelector(".prior-progress")?.textContent ?? "")?.[1] ?? 0) >= wanted,
		step,
		{ timeout: patience, polling: 200 },
	);
}

/** The codes of a grid, row by row. */
function codesIn(page: Page, grid: string): Promise<string[]> {
	return page.locator(`#prior [aria-label^="${grid}"] button`).allTextContents();
}

/** Waits until a grid of codes is another one. */
function untilOtherCodes(page: Page, grid: string, before: readonly string[]): Promise<unknown> {
	return page.waitForFunction(
		([name, old]) =>
			Array.from(
				document.querySelectorAll(`#prior [aria-label^="${name}"] button`),
				(cell) => cell.textContent,
			).join() !== old,
		[grid, before.join()] as const,
		{ timeout: patience },
	);
}

/** Waits until so many codes of the image that is drawn code by code are drawn. */
function untilDrawn(page: Page, count: number): Promise<unknown> {
	return page.waitForFunction(
		(wanted) => document.querySelector<HTMLElement>(".prior-sequence")?.dataset.count === String(wanted),
		count,
		{ timeout: patience },
	);
}

/** The grey values of pictures. */
function pixelsOf(pictures: Locator): Promise<number[][]> {
	return pictures.evaluateAll((all) =>
		all.map((canvas) => {
			const { width, height } = canvas as HTMLCanvasElement;
			const { data = [] } = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height) ?? {};
			return Array.from({ length: width * height }, (_, i) => data[4 * i] as number);
		}),
	);
}

async function download(page: Page, name: string): Promise<Buffer> {
	const [file] = await Promise.all([page.waitForEvent("download"), button(page, `Download ${name}`).click()]);
	return readFile(await file.path());
}

/** A prior that trains on the codes, samples, and completes. */
export async function priorTests({ page, address, test }: Tester): Promise<void> {
	await page.goto(`${address}playground/${query}`);
	await untilStep(page, 60);
	const panel = page.locator("#prior");
	const drawn = "Codes that are drawn";
	const erased = "Codes to erase";

	await test("a prior trains while the network waits; its cross-entropy falls", async () => {
		await panel.scrollIntoViewIfNeeded();
		await button(page, "Train the prior").click();
		await untilPriorStep(page, 10);
		const before = await stepOf(page);
		await untilPriorStep(page, 110);
		assert.equal(await stepOf(page), before);
		const [training, heldOut] = [
			Number(await figure(page, "prior-nats")),
			Number(await figure(page, "prior-held-out")),
		];
		assert.ok(training < 0.8 * Math.log(codes), `${training} nats in training`);
		assert.ok(heldOut < 0.8 * Math.log(codes), `${heldOut} nats on test images`);
		const bits = Number(await figure(page, "prior-bits"));
		assert.ok(Math.abs(bits - (49 * heldOut) / Math.LN2) < 2, `${bits} bits`);
	});

	await test("it is stopped, and goes on", async () => {
		await button(page, "Stop").click();
		await button(page, "Go on").waitFor({ timeout: patience });
		const stopped = await panel.locator(".prior-progress label").textContent();
		const step = Number(/step (\d+) of/.exec(stopped ?? "")?.[1]);
		await button(page, "Go on").click();
		await untilPriorStep(page, step + 5);
		await button(page, "Stop").click();
		await button(page, "Go on").waitFor({ timeout: patience });
	});

	await test("with temperature 0 an image that is drawn code by code has the codes of samplePrior", async () => {
		await panel.getByLabel("Temperature").fill("0");
		await button(page, "Draw images").click();
		const sample = panel.getByRole("button", { name: "Sample 4, class 3" });
		await sample.waitFor({ timeout: patience });
		assert.equal(await panel.getByRole("button", { name: /^Sample/ }).count(), 10);
		const before = await codesIn(page, erased);
		await sample.click();
		await untilOtherCodes(page, erased, before);
		const sampled = await codesIn(page, erased);
		await panel.locator(".prior-part:has(.prior-sequence) select").first().selectOption("3");
		await untilDrawn(page, 0);
		await button(page, "Next code").click();
		await untilDrawn(page, 1);
		assert.deepEqual(await panel.locator(".prior-bars .share").allTextContents(), ["100 %"]);
		await button(page, "To the end").click();
		await untilDrawn(page, 49);
		assert.deepEqual(await codesIn(page, drawn), sampled);
		const [picture = [], ofSample = []] = [
			...(await pixelsOf(panel.locator(".prior-picture canvas"))),
			...(await pixelsOf(sample.locator("canvas"))),
		];
		assert.ok(
			picture.every((value, i) => Math.abs(value - (ofSample[i] as number)) <= 2),
			"the pictures differ",
		);
	});

	await test("probabilities of the next code; back and on gives the same codes", async () => {
		await panel.getByLabel("Temperature").fill("1");
		await button(page, "Begin again").click();
		await untilDrawn(page, 0);
		for (let count = 1; count <= 9; count++) {
			await button(page, "Next code").click();
			await untilDrawn(page, count);
		}
		const first = await codesIn(page, drawn);
		assert.equal(first.filter((code) => code !== "").length, 9);
		const shares = (await panel.locator(".prior-bars .share").allTextContents()).map((text) => Number.parseFloat(text));
		assert.ok(shares.length >= 2 && shares.length <= 13);
		assert.equal(await panel.locator(".prior-bars .drawn").count(), 1);
		await button(page, "Back").click();
		await untilDrawn(page, 8);
		await button(page, "Next code").click();
		await untilDrawn(page, 9);
		assert.deepEqual(await codesIn(page, drawn), first);
		await panel.getByLabel("Speed").selectOption("1000");
		await button(page, "Play").click();
		await untilDrawn(page, 49);
	});

	await test("erased codes are completed, and the others kept", async () => {
		await panel.locator(`[aria-label^="${erased}"] button`, { hasText: /\d/ }).nth(48).waitFor({ timeout: patience });
		const before = await codesIn(page, erased);
		// Erased by keyboard, in addition to the lower half: the first code.
		await button(page, "Lower half").click();
		await panel.locator(`[aria-label^="${erased}"] button`).first().focus();
		await page.keyboard.press("Enter");
		await panel.getByText("Its codes, 22 of 49 positions erased").waitFor();
		await button(page, "Complete").click();
		const completions = panel.getByRole("button", { name: /^Completion/ });
		await completions.first().waitFor({ timeout: patience });
		assert.equal(await completions.count(), 6);
		const pictures = await pixelsOf(completions.locator("canvas"));
		assert.ok(new Set(pictures.map((picture) => picture.join())).size > 1, "all completions are equal");
		await button(page, "Clear selection").click();
		await completions.nth(1).click();
		await page.waitForTimeout(500);
		const after = await codesIn(page, erased);
		assert.deepEqual(after.slice(1, 28), before.slice(1, 28));
		const [shown] = await pixelsOf(panel.getByLabel("What the decoder draws from all codes"));
		assert.deepEqual(shown, pictures[1]);
	});

	for (const theme of ["light", "dark"])
		await test(`${theme}, 360 pixels: the panel of a trained prior is not too wide, axe-core finds nothing`, async () => {
			await page.evaluate((name) => {
				document.documentElement.dataset.theme = name;
			}, theme);
			await page.setViewportSize({ width: 360, height: 900 });
			await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth, null, { timeout: 10_000 });
			const found = await violations(page);
			assert.equal(found.length, 0, found.join("\n"));
			await page.setViewportSize({ width: 1280, height: 900 });
		});

	await test("the prior and its model are downloaded as the command line reads them", async () => {
		await panel.getByText("Take the prior along").click();
		const [prior, model] = [await download(page, "prior.safetensors"), await download(page, "model.safetensors")];
		const metadata = loadSafetensorsMetadata(prior);
		assert.equal(metadata.model, createHash("sha256").update(model).digest("hex"));
		assert.equal(metadata.numEmbeddings, String(codes));
		assert.equal(metadata.numClasses, "10");
		assert.deepEqual(loadSafetensors(prior)["embedding.weight"]?.shape, [codes, Number(metadata.channels)]);
		assert.match(loadSafetensorsMetadata(model).quantizer ?? "", /"codes":32/);
	});

	await test("a network that trains on leaves the prior as it is, and the page says so", async () => {
		const step = await stepOf(page);
		await page.locator("#train").getByRole("button", { name: "Play", exact: true }).click();
		await untilStep(page, step + 3);
		await page.locator('[data-figure="prior-age"]').waitFor({ timeout: patience });
		assert.match(await figure(page, "prior-age"), new RegExp(`at step ${step},`));
	});

	await test("the prior is restored on another device if the device is lost", async () => {
		await loseDevice(page);
		await page.getByText(/The GPU was lost, and is open again/).waitFor({ timeout: patience });
		await button(page, "Go on").waitFor({ timeout: patience });
		await button(page, "Draw images").click();
		await panel.locator('.prior-tiles[aria-busy="false"]').first().waitFor({ timeout: patience });
		assert.equal(await page.locator(".message.bad").count(), 0);
	});

	await test("a new run has no prior yet, and images that were asked for meanwhile are no error", async () => {
		const run = page.locator("#train").getByRole("button", { name: "Restart" });
		const asks = await button(page, "Draw images").elementHandle();
		await run.evaluate((restart: HTMLElement, draw) => {
			restart.click();
			setTimeout(() => (draw as HTMLElement | null)?.click(), 0);
		}, asks);
		await button(page, "Train the prior").waitFor({ timeout: patience });
		await untilStep(page, 2);
		assert.equal(await page.locator(".message.bad").count(), 0);
	});
}
