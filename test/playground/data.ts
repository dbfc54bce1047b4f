import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { figure, patience, type Tester, untilStep } from "./tester.js";

interface NamedBytes {
	readonly name: string;
	readonly bytes: Uint8Array;
}

/** Pictures that the page's own canvas makes: coloured discs of different sizes and colours, drawn with a seed. */
function makePictures(page: Page, kind: string, count: number, width: number, height: number): Promise<NamedBytes[]> {
	return page
		.evaluate(
			async ([kind, count, width, height]) => {
				const made: number[][] = [];
				for (let i = 0; i < count; i++) {
					const canvas = document.createElement("canvas");
					Object.assign(canvas, { width, height });
					const context = canvas.getContext("2d");
					if (context === null) throw new Error("no canvas");
					if (kind !== "image/png") {
						context.fillStyle = `hsl(${i * 31} 60% 20%)`;
						context.fillRect(0, 0, width, height);
					}
					context.fillStyle = `hsl(${i * 47} 90% 60%)`;
					context.beginPath();
					context.arc(width / 2, height / 2, (Math.min(width, height) * (2 + (i % 5))) / 16, 0, 7);
					context.fill();
					const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, kind));
					if (blob === null) throw new Error(`no ${kind}`);
					made.push(Array.from(new Uint8Array(await blob.arrayBuffer())));
				}
				return made;
			},
			[kind, count, width, height] as const,
		)
		.then((files) => files.map((bytes, i) => ({ name: `${i}.${kind.split("/")[1]}`, bytes: Uint8Array.from(bytes) })));
}

/** An IDX file of images that differ, or of labels. */
function idx(shape: readonly number[], valueAt: (index: number) => number): Uint8Array {
	const size = shape.reduce((product, length) => product * length, 1);
	const bytes = new Uint8Array(4 + 4 * shape.length + size);
	bytes.set([0, 0, 8, shape.length]);
	const view = new DataView(bytes.buffer);
	for (const [axis, length] of shape.entries()) view.setUint32(4 + 4 * axis, length);
	for (let i = 0; i < size; i++) bytes[4 + 4 * shape.length + i] = valueAt(i);
	return bytes;
}

/** Drops files on the panel, as a user does. */
async function drop(page: Page, files: readonly NamedBytes[]): Promise<void> {
	const transfer = await page.evaluateHandle(
		(list) => {
			const transfer = new DataTransfer();
			for (const { name, bytes } of list) transfer.items.add(new File([Uint8Array.from(bytes)], name));
			return transfer;
		},
		files.map(({ name, bytes }) => ({ name, bytes: Array.from(bytes) })),
	);
	await page.dispatchEvent("#data .choose", "drop", { dataTransfer: transfer });
}

/** Waits until a figure has this text, and nothing is being read. */
async function waitForText(page: Page, name: string, wanted: string): Promise<void> {
	await page.waitForFunction(
		([name, wanted]) =>
			document.querySelector("#data progress") === null &&
			document.querySelector(`[data-figure="${name}"]`)?.textContent?.includes(wanted),
		[name, wanted] as const,
		{ timeout: patience },
	);
}

const forget = (page: Page) => page.getByRole("button", { name: "Forget these images" }).click();

export async function dataTests({ page, test }: Tester): Promise<void> {
	await untilStep(page, 2);
	const panel = page.locator("#data");
	const train = page.getByRole("button", { name: "Train on these images" });

	await test("a few images are refused in words, and unreadable files are named", async () => {
		const [first] = await makePictures(page, "image/png", 1, 40, 40);
		assert(first !== undefined);
		await drop(page, [first, first, { name: "notes.txt", bytes: new TextEncoder().encode("no picture") }]);
		await waitForText(page, "own-refusal", "At least 8 different images");
		assert.match(await figure(page, "own-refusal"), /there is 1\b/);
		assert.match(await figure(page, "own-images"), /One image was there twice/);
		await panel.getByText("notes.txt").waitFor();
		assert(await train.isDisabled());
		await forget(page);
		await page.waitForSelector('[data-figure="own-images"]', { state: "detached" });
	});

	await test("PNG, JPEG and WebP files of any shape become colour images, each once, in any order", async () => {
		const files = [
			...(await makePictures(page, "image/png", 6, 30, 50)),
			...(await makePictures(page, "image/jpeg", 6, 90, 31)),
			...(await makePictures(page, "image/webp", 6, 64, 64)),
			...(await makePictures(page, "image/png", 1, 1, 1)),
		];
		await drop(page, [...files, ...files.slice(0, 3)]);
		await waitForText(page, "own-images", "colour");
		assert.match(await figure(page, "own-images"), /^19 images of 28 × 28, colour.*3 images were there before/);
		assert.equal(await page.locator("#data .thumbnails canvas").count(), 19);
	});

	await test("a run trains on them, and goes back to the digits", async () => {
		await train.click();
		await page.waitForFunction(
			() => document.querySelector("#train .lead")?.textContent?.includes("images of yours"),
			undefined,
			{ timeout: patience },
		);
		const lead = (await page.textContent("#train .lead")) ?? "";
		assert.match(lead, /on 16 images \(19 images of yours, [0-9a-f]{6}\)/);
		await page.waitForFunction(
			() => {
				const nmse = Number(document.querySelector('[data-figure="nmse"]')?.textContent);
				return nmse > 0 && nmse < 0.7;
			},
			undefined,
			{ timeout: patience },
		);
		assert.match(page.url(), /data=own/);
		await page.getByRole("button", { name: "Back to the digits" }).click();
		await page.waitForFunction(
			() => document.querySelector("#train .lead")?.textContent?.includes("2,048"),
			undefined,
			{ timeout: patience },
		);
		await forget(page);
	});

	await test("IDX files are read with their labels, also packed", async () => {
		const images = idx([24, 28, 28], (i) => (Math.floor(i / 784) * 10 + (i % 784) / 4) % 256);
		const labels = idx([24], (i) => i % 3);
		const wrong = idx([7], () => 0);
		await drop(page, [
			{ name: "labels.gz", bytes: gzipSync(labels) },
			{ name: "images.gz", bytes: gzipSync(images) },
			{ name: "other-labels", bytes: wrong },
			{ name: "cut", bytes: images.subarray(0, 1000) },
		]);
		await waitForText(page, "own-images", "24 images");
		assert.match(await figure(page, "own-images"), /24 images of 28 × 28, grey, 3 classes \(0, 1, 2\)/);
		const left = (await page.textContent("#data .left-out")) ?? "";
		assert.match(left, /2 files were not read/);
		assert.match(left, /other-labels: labels of 7 images/);
		assert.match(left, /cut: truncated IDX file/);
		await forget(page);
	});
}
