import assert from "node:assert/strict";
import { pause } from "./files.js";
import { figure, patience, stepOf, type Tester, untilStep } from "./tester.js";

/** Two models side by side. */
export async function whatIfTests({ page, test }: Tester): Promise<void> {
	await untilStep(page, 3);
	const panel = page.locator("#what-if");

	await test("the classic collapse uses a few of 128 codes, moving averages most of them", async () => {
		await panel.getByRole("button", { name: "Train both side by side" }).click();
		await page.getByText(/Both train; the run above waits/).waitFor({ timeout: patience });
		await page.waitForFunction(
			() => {
				const numberOf = (name: string) => Number(document.querySelector(`[data-figure="${name}"]`)?.textContent);
				const hint = document.querySelector("#what-if .compared .hint")?.textContent ?? "";
				const step = Number(/Step (\d+) of/.exec(hint)?.[1] ?? 0);
				return step >= 40 && numberOf("used-A") <= 12 && numberOf("used-B") >= 60;
			},
			null,
			{ timeout: patience },
		);
		await panel.getByRole("button", { name: "Pause both" }).click();
		await panel.locator('[data-figure="verdict"]').waitFor({ timeout: patience });
		const [, few, many] =
			/A uses (\d+) of 128 codes, B uses (\d+) of 128 codes/.exec(await figure(page, "verdict")) ?? [];
		assert.ok(Number(few) <= 16 && Number(many) >= 60, `${few} and ${many}`);
	});

	await test("one of the two goes on as the run, with its curves", async () => {
		const [, at] = /paused at step (\d+)/.exec((await panel.locator(".compared .hint").textContent()) ?? "") ?? [];
		await panel.getByRole("button", { name: "Continue with B" }).click();
		await page.waitForFunction(() => location.search.includes("dim=64"), null, { timeout: patience });
		await untilStep(page, Number(at) + 1);
		assert.match(await figure(page, "codes-in-use"), /of 128$/);
		assert.equal(new URL(page.url()).searchParams.get("quantizer"), null);
		assert.equal(await panel.locator(".compared").count(), 0);
	});

	await test("one setting of the run is changed, and both are compared", async () => {
		await panel.getByText("Change one setting yourself").click();
		await panel.getByLabel("B differs in").selectOption("codes");
		await panel.getByLabel("Codes K").fill("none");
		await panel.getByRole("button", { name: "Compare" }).click();
		await panel.getByText(/Codes K must be a whole number/).waitFor();
		await panel.getByLabel("Codes K").fill("4");
		await panel.getByLabel("Steps").fill("3");
		await panel.getByRole("button", { name: "Compare" }).click();
		await panel.locator('[data-figure="verdict"]').waitFor({ timeout: patience });
		assert.match(await figure(page, "verdict"), /A uses \d+ of 128 codes, B uses [1-4] of 4 codes/);
		const before = await stepOf(page);
		await panel.getByRole("button", { name: "End the comparison" }).click();
		await untilStep(page, before + 1);
	});

	await test("a run that the user has paused during a comparison stays paused after it", async () => {
		await panel.getByRole("button", { name: "Compare" }).click();
		await panel.locator('[data-figure="verdict"]').waitFor({ timeout: patience });
		await page.getByRole("button", { name: "Play", exact: true }).click();
		await pause(page);
		const paused = await stepOf(page);
		await panel.getByRole("button", { name: "End the comparison" }).click();
		await panel.locator(".compared").waitFor({ state: "detached", timeout: patience });
		await page.waitForTimeout(1500);
		assert.equal(await stepOf(page), paused);
	});
}
