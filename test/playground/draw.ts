import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { loadSafetensors, openDevice } from "tessera-gpu";
import { CodebookQuantizer } from "tessera-gpu/quantizers";
import { VQVAE } from "tessera-gpu/vqvae";
import { downloaded } from "./files.js";
import { figure, patience, type Tester, untilStep } from "./tester.js";

/** The numbers in the grid of codes. */
function codesOf(page: Page): Promise<string[]> {
	return page.locator("#draw .code-grid button").allTextContents();
}

/** The decoded picture's grey values. */
function decoded(page: Page): Promise<number[]> {
	return page.evaluate(() => {
		const canvas = document.querySelector<HTMLCanvasElement>('#draw canvas[aria-label^="What the decoder"]');
		const { width, height } = canvas as HTMLCanvasElement;
		const data = canvas?.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
		return Array.from({ length: width * height }, (_, i) => data[4 * i] as number);
	});
}

/** The pad, the codes of a drawing, and painting with codes. */
export async function drawTests({ page, test }: Tester): Promise<void> {
	await untilStep(page, 40);
	await page.getByRole("button", { name: "Pause" }).click();
	await page.getByRole("button", { name: "Play", exact: true }).waitFor({ timeout: patience });
	await page.locator("#draw").scrollIntoViewIfNeeded();

	await test("a stroke changes the codes and the decoded picture", async () => {
		await page.getByRole("button", { name: "Clear" }).click();
		await page.waitForFunction(
			() => new Set(Array.from(document.querySelectorAll("#draw .code-grid button"), (b) => b.textContent)).size < 15,
			null,
			{ timeout: patience },
		);
		const before = await codesOf(page);
		const dark = await decoded(page);
		const box = await page.locator(".pad canvas").boundingBox();
		assert.ok(box !== null);
		await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.2);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.8, { steps: 8 });
		await page.mouse.up();
		await page.waitForFunction(
			(old) =>
				Array.from(document.querySelectorAll("#draw .code-grid button"), (b) => b.textContent).filter(
					(code, i) => code !== old[i],
				).length >= 4,
			before,
			{ timeout: patience },
		);
		await page.waitForTimeout(1000);
		const bright = await decoded(page);
		const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
		assert.ok(sum(bright) > sum(dark) + 5000, `${sum(dark)} → ${sum(bright)}`);
	});

	await test("painting a code changes that cell, and the picture near it only", async () => {
		const before = await decoded(page);
		const codes = await codesOf(page);
		const other = String((Number(codes[0]) + 17) % 128);
		const slider = page.getByLabel("Code to paint with");
		await slider.focus();
		await slider.fill(other);
		assert.equal(await figure(page, "chosen"), other);
		await page.locator('#draw .code-grid button[data-position="0"]').focus();
		await page.keyboard.press("Enter");
		await page.getByText("Its codes, repainted").waitFor();
		await page.waitForFunction(
			({ old }) => {
				const canvas = document.querySelector<HTMLCanvasElement>('#draw canvas[aria-label^="What the decoder"]');
				const data = canvas?.getContext("2d")?.getImageData(0, 0, 28, 28).data ?? [];
				return old.some((value, i) => data[4 * i] !== value);
			},
			{ old: before },
			{ timeout: patience },
		);
		assert.equal((await codesOf(page))[0], other);
		const after = await decoded(page);
		const changed = after.map((value, i) => (value === before[i] ? -1 : i)).filter((i) => i >= 0);
		// The decoder's receptive field reaches three pixels beyond the four of a code.
		assert.ok(
			changed.every((i) => i % 28 < 12 && Math.floor(i / 28) < 12),
			"a change far from the code",
		);
	});

	await test("the picture is what model.decode makes of the codes, in Node with the downloaded weights", async () => {
		const codes = Uint32Array.from(await codesOf(page), Number);
		const gpu = await openDevice({ announce: false });
		const quantizer = new CodebookQuantizer(gpu, { numEmbeddings: 128, embeddingDim: 16 });
		const model = new VQVAE(gpu, { inChannels: 1, quantizer });
		model.loadStateDict(loadSafetensors(await downloaded(page, "model.safetensors")));
		const values = await model.decode(gpu.tensor(codes, [1, 7, 7])).data();
		gpu.dispose();
		const shown = await decoded(page);
		// Another adapter rounds differently, by one grey level at most.
		const differences = shown.map((grey, i) => Math.abs(grey - 255 * Math.min(1, Math.max(0, values[i] + 0.5))));
		assert.ok(Math.max(...differences) <= 1.01, `${Math.max(...differences)} grey levels`);
	});

	await test("back to the drawing's codes", async () => {
		await page.getByRole("button", { name: "Back to the drawing's codes" }).click();
		await page.getByText("Its codes", { exact: true }).waitFor();
	});

	await test("the pad is drawn on by keyboard", async () => {
		await page.getByRole("button", { name: "Clear" }).click();
		await page.locator(".pad canvas").focus();
		await page.keyboard.press("Space");
		for (let i = 0; i < 4; i++) await page.keyboard.press("Shift+ArrowRight");
		const bright = await page.evaluate(() => {
			const canvas = document.querySelector<HTMLCanvasElement>(".pad canvas");
			return canvas?.getContext("2d")?.getImageData(16, 14, 1, 1).data[0] ?? 0;
		});
		assert.ok(bright > 200);
	});

	await test("two images are mixed: halves swapped, pictures between", async () => {
		await page.getByText("Mix two images").click();
		await page.locator("#draw .tiles canvas").nth(10).waitFor({ timeout: patience });
		assert.equal(await page.locator("#draw .tiles canvas").count(), 11);
	});
}
