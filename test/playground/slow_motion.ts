import assert from "node:assert/strict";
import { patience, stepOf, type Tester, untilStep } from "./tester.js";

/** One step, stage by stage. */
export async function slowMotionTests({ page, test }: Tester): Promise<void> {
	await untilStep(page, 20);
	const panel = page.locator("#slow-motion");

	await test("shows the stages of the next step one after the other, then takes it", async () => {
		await panel.getByRole("button", { name: "Begin" }).click();
		await panel.getByText(/^Step \d+: 16 images/).waitFor({ timeout: patience });
		const before = await stepOf(page);
		for (const title of ["Encode", "Distances", "Nearest code", "Straight-through", "Decode", "Gradients"]) {
			await panel.getByRole("button", { name: "Next stage" }).click();
			assert.equal(await panel.locator("li[aria-current=step] h3").textContent(), title);
		}
		assert.equal(await stepOf(page), before);
		await panel.getByRole("button", { name: "Take the step" }).click();
		await panel.getByText(`Step ${before + 2}: 16 images.`).waitFor({ timeout: patience });
		assert.equal(await stepOf(page), before + 1);
	});

	await test("the shortest bar of the distances is that of the position's code", async () => {
		await panel.getByRole("button", { name: "Next stage" }).click();
		await panel.getByRole("button", { name: "Next stage" }).click();
		await panel.getByRole("button", { name: "Next stage" }).click();
		await panel.locator('.code-grid button[data-position="0"]').click();
		const code = await panel.locator('.code-grid button[data-position="0"]').textContent();
		assert.match((await panel.locator("li").nth(2).textContent()) ?? "", new RegExp(`of code ${code}\\.`));
	});

	await test("goes back to full speed", async () => {
		const before = await stepOf(page);
		await panel.getByRole("button", { name: "Back to full speed" }).click();
		await untilStep(page, before + 3);
	});
}
