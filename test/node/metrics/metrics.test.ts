import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DivergenceError } from "../../../src/base/errors.js";
import { CodeUse } from "../../../src/node/metrics/code_use.js";
import { errorOfOutput, meanSquaredError, psnrOf } from "../../../src/node/metrics/image_error.js";
import { ssim } from "../../../src/node/metrics/ssim.js";
import { ssim as reference } from "../../reference/ssim.js";

const test = suite("metrics");

interface Case {
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	readonly a: readonly number[];
	readonly b: readonly number[];
	readonly ssim: number;
	readonly psnr: number | null;
}

const golden: readonly Case[] = JSON.parse(await readFile("test/golden/ssim/ssim.json", "utf8"));

test("SSIM is that of its definition, and of scikit-image", () => {
	assert.ok(golden.length >= 6 && golden.some(({ channels }) => channels === 3));
	for (const { a, b, ssim: wanted, ...size } of golden) {
		const { channels, height, width } = size;
		const found = ssim(Uint8Array.from(a), Uint8Array.from(b), size) as number;
		const plane = height * width;
		let sum = 0;
		for (let channel = 0; channel < channels; channel++)
			sum += reference(
				a.slice(channel * plane, (channel + 1) * plane),
				b.slice(channel * plane, (channel + 1) * plane),
				height,
				width,
			);
		assert.ok(Math.abs(found - sum / channels) < 1e-9, `${found} instead of ${sum / channels}`);
		assert.ok(Math.abs(found - wanted) < 1e-9, `${found} instead of scikit-image's ${wanted}`);
	}
});

test("SSIM is 1 of equal images, symmetric, and undefined below 11 pixels", () => {
	const [first, second] = golden as [Case, Case];
	const [a, b] = [Uint8Array.from(second.a), Uint8Array.from(second.b)];
	assert.ok(Math.abs((ssim(a, a, second) as number) - 1) < 1e-12);
	assert.is(ssim(a, b, second), ssim(b, a, second));
	assert.is(ssim(a, b, { channels: 1, height: 10, width: 30 }), undefined);
	assert.is(ssim(a, b, { channels: 1, height: 30, width: 10 }), undefined);
	// A black image has no variance; the constants prevent a division by 0.
	assert.is(ssim(new Uint8Array(121), new Uint8Array(121), first), 1);
});

test("PSNR is that of scikit-image, and infinite of equal images", () => {
	for (const { a, b, psnr } of golden) {
		const found = psnrOf(meanSquaredError(Uint8Array.from(a), Uint8Array.from(b)));
		if (psnr === null) assert.is(found, Number.POSITIVE_INFINITY);
		else assert.ok(Math.abs(found - psnr) < 1e-9, `${found} instead of ${psnr}`);
	}
});

test("the error of a network's output counts what rounding and clamping would hide, and NaN is an error", () => {
	const bytes = Uint8Array.of(0, 255, 51);
	assert.ok(Math.abs(errorOfOutput(bytes, Float32Array.of(-0.5, 0.5, -0.3))) < 1e-12);
	assert.ok(Math.abs(errorOfOutput(bytes, Float32Array.of(-1, 0.5, -0.3)) - 0.25 / 3) < 1e-7);
	assert.throws(
		() => errorOfOutput(bytes, Float32Array.of(0, Number.NaN, 0)),
		(error: unknown) => error instanceof DivergenceError,
	);
});

test("perplexity and use of codes are counted level by level", () => {
	const use = new CodeUse(2, 4);
	use.add(Uint32Array.of(0, 3, 1, 3));
	use.add(Uint32Array.of(0, 3, 1, 3));
	const [first, second] = use.perLevel();
	assert.is(first?.used, 2);
	assert.ok(Math.abs((first?.perplexity as number) - 2) < 1e-12);
	assert.equal(second, { used: 1, perplexity: 1 });
	assert.equal(new CodeUse(1, 4).perLevel(), [{ used: 0, perplexity: 0 }]);
});

test.run();
