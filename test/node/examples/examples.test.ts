import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { decode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("examples/");

const folder = await mkdtemp(join(tmpdir(), "tessera-examples-"));
test.after(() => rm(folder, { recursive: true }));

/** What an example prints, with small settings. */
async function outputOf(name: string, ...settings: string[]): Promise<string> {
	const { stdout } = await promisify(execFile)(process.execPath, [`examples/${name}.js`, ...settings]);
	return stdout;
}

/** A number in what an example prints. */
function numberIn(output: string, pattern: RegExp): number {
	const found = pattern.exec(output);
	assert.ok(found, `${pattern} in: ${output}`);
	return Number(found?.[1]);
}

test("linear_regression finds the line", async () => {
	const output = await outputOf("linear_regression");
	assert.ok(Math.abs(numberIn(output, /y = ([-\d.]+) x/) - 2) < 0.05, output);
	assert.ok(Math.abs(numberIn(output, /x \+ ([-\d.]+)/) + 1) < 0.05, output);
});

test("own_operation checks its gradients and finds the minimum", async () => {
	const output = await outputOf("own_operation");
	assert.match(output, /agree/);
	assert.ok(Math.abs(numberIn(output, /x = ([-\d.]+)/) + 0.639) < 0.002, output);
});

test("mnist_classifier learns drawn digits", async () => {
	const output = await outputOf("mnist_classifier", "--data", "digits", "--images", "1536", "--epochs", "2");
	assert.ok(numberIn(output, /epoch 2: loss [\d.]+, ([\d.]+) %/) > 70, output);
});

test("autoencoder learns, and writes its picture", async () => {
	const path = join(folder, "autoencoder.png");
	const output = await outputOf("autoencoder", "--epochs", "3", "--images", "512", "--out", path);
	const first = numberIn(output, /epoch 1: ([\d.]+)/);
	assert.ok(numberIn(output, /epoch 3: ([\d.]+)/) < 0.8 * first, output);
	const { width, height, channels } = decode(await readFile(path));
	assert.equal([width, height, channels], [224, 56, 1]);
});

test("colour_palette finds the colours of a picture with a palette, and of a grey one", async () => {
	const path = join(folder, "palette.png");
	const output = await outputOf("colour_palette", "test/pngsuite/basn3p04.png", "--colours", "4", "--out", path);
	const shares = Array.from(output.matchAll(/^#[\da-f]{6} {2}([\d.]+) %$/gm), ([, share]) => Number(share));
	assert.is(shares.length, 4);
	assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100) < 0.5, output);
	assert.equal(
		[...shares].sort((a, b) => b - a),
		shares,
	);
	const picture = decode(await readFile(path));
	const colours = new Set(Array.from({ length: 1024 }, (_, i) => String(picture.data.slice(3 * i, 3 * i + 3))));
	assert.ok(colours.size <= 4 && colours.size > 1, `${colours.size} colours`);
	assert.match(await outputOf("colour_palette", "test/pngsuite/basn0g16.png", "--out", path), /^#([\da-f]{2})\1\1 /);
});

test("character_transformer learns a text and writes", async () => {
	const settings = [
		"--steps",
		"40",
		"--width",
		"32",
		"--context",
		"32",
		"--batch",
		"8",
		"--sample",
		"50",
		"--lr",
		"0.01",
	];
	const output = await outputOf("character_transformer", "LICENSE", ...settings);
	assert.ok(numberIn(output, /step 40: ([\d.]+) nats/) < 3, output);
	assert.ok((output.split("\n").slice(2).join("\n").length ?? 0) >= 50, output);
});

test("an example without what it needs says so", async () => {
	for (const name of ["colour_palette", "character_transformer"]) {
		const failure = (await outputOf(name).catch((error) => error)) as { code: number; stderr: string };
		assert.is(failure.code, 1);
		assert.match(failure.stderr, new RegExp(`node examples/${name}.js`));
	}
});

test.run();
