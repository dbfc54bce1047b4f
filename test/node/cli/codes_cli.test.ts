import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { loadSafetensors, loadSafetensorsMetadata } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDigits } from "../../../src/data/digits.js";
import { imageGrid } from "../../../src/node/images/image_grid.js";
import { readImage } from "../../../src/node/images/read_image.js";
import { checkMistakes, type Outcome, runTessera } from "./command_line.js";

let folder = "";
const tessera = (...words: string[]): Promise<Outcome> => runTessera(folder, words);
const at = (...parts: string[]) => join(folder, ...parts);

async function succeed(...words: string[]): Promise<Outcome> {
	const outcome = await tessera(...words);
	assert.is(outcome.code, 0, `tessera ${words.join(" ")}: ${outcome.errors}`);
	return outcome;
}

/** Paths of the files in a folder, sorted. */
async function filesIn(name: string): Promise<string[]> {
	const entries = await readdir(at(name), { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(at(name).length + 1))
		.sort();
}

/** The codes of a safetensors file. */
async function codesIn(
	name: string,
): Promise<{ shape: readonly number[]; values: number[]; labels: number[] | undefined }> {
	const { codes, labels } = loadSafetensors(await readFile(at(name)));
	return {
		shape: codes?.shape ?? [],
		values: Array.from(codes?.data ?? []),
		labels: labels && Array.from(labels.data),
	};
}

const size = 16;
const perClass = 11;

const test = suite("codes on the command line");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-codes-cli-"));
	const noise = (seed: number) =>
		Uint8Array.from(
			{ length: 3 * size * size },
			(_, i) => 128 + 100 * Math.sin((i % size) * (0.3 + 0.07 * seed) + seed),
		);
	for (const [label, name] of ["cat", "dog"].entries()) {
		await mkdir(at("photos", name), { recursive: true });
		for (let i = 0; i < perClass; i++) {
			const sizes = { count: 1, channels: 3, height: size, width: size, columns: 1, scale: 1, gap: 0 };
			const png = imageGrid({ images: noise(2 * i + label), ...sizes });
			if (i % 2 === 0) await writeFile(at("photos", name, `${i}.png`), png);
			else await writeFile(at("photos", name, `${i}.jpg`), await sharp(png).jpeg({ quality: 95 }).toBuffer());
		}
	}
	const small = ["--epochs", "2", "--batch", "4", "--hidden", "8", "--codes", "12", "--dim", "4"];
	await succeed("train", "--data", "photos", ...small, "--out", "run");
	await succeed("train", "--data", "photos", ...small, "--quantizer", "residual", "--levels", "2", "--out", "levels");
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

test("encode keeps order, names and classes; all formats have the same codes", async () => {
	const { output } = await succeed("encode", "run", "photos", "--out", "codes.safetensors");
	assert.match(output, "22 images of 16 × 16 as 4 × 4 codes out of 12");
	const { shape, values, labels } = await codesIn("codes.safetensors");
	assert.equal(shape, [22, 4, 4]);
	assert.equal(labels, [...Array(11).fill(0), ...Array(11).fill(1)]);
	const metadata = loadSafetensorsMetadata(await readFile(at("codes.safetensors")));
	const names: string[] = JSON.parse(metadata.names ?? "");
	assert.equal(names, (await filesIn("photos")).sort());
	assert.equal(JSON.parse(metadata.classes ?? ""), ["cat", "dog"]);
	assert.match(metadata.codebook ?? "", /^[0-9a-f]{64}$/);
	assert.is(metadata.imageWidth, "16");

	const json = await succeed("encode", "run", "photos", "--out", "codes.jsonl", "--json");
	const result = JSON.parse(json.output);
	assert.equal([result.images, result.leftOut, result.height, result.codes], [22, 0, 4, 12]);
	const lines = (await readFile(at("codes.jsonl"), "utf8"))
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
	assert.equal(
		lines.flatMap(({ tokens }) => tokens),
		values,
	);
	assert.equal(
		lines.map(({ name, class_id }) => [name, class_id]),
		names.map((name, i) => [name, labels?.[i]]),
	);
	await succeed("encode", "run", "photos", "--out", "codes.npy");
	const npy = await readFile(at("codes.npy"));
	assert.equal(
		Array.from({ length: values.length }, (_, i) => npy.readUInt16LE(128 + 2 * i)),
		values,
	);
});

test("decode gives what reconstruct gives, from every format, in folders of classes", async () => {
	await succeed("reconstruct", "run", "photos", "--out", "reconstructed");
	const wanted = await filesIn("reconstructed");
	assert.is(wanted.length, 22);
	assert.ok(wanted.includes(join("dog", "3.png")));
	for (const extension of ["safetensors", "npy", "jsonl"]) {
		await succeed("decode", "run", `codes.${extension}`, "--out", `decoded-${extension}`);
		assert.equal(await filesIn(`decoded-${extension}`), wanted);
		for (const name of wanted)
			assert.equal(
				(await readImage(at(`decoded-${extension}`, name))).pixels,
				(await readImage(at("reconstructed", name))).pixels,
				name,
			);
	}
	const again = await tessera("decode", "run", "codes.npy", "--out", "decoded-npy");
	assert.is(again.code, 1);
	assert.match(again.errors, /exists: choose another folder, or give --overwrite/);
	await succeed("decode", "run", "codes.npy", "--out", "decoded-npy", "--overwrite");
});

test("shards have the same codes as the whole, and are decoded into one folder", async () => {
	const values: number[] = [];
	for (const i of [1, 2]) {
		await succeed("encode", "run", "photos", "--shard", `${i}/2`, "--out", `part-${i}.safetensors`);
		values.push(...(await codesIn(`part-${i}.safetensors`)).values);
	}
	assert.equal(values, (await codesIn("codes.safetensors")).values);
	await succeed("decode", "run", "part-1.safetensors", "part-2.safetensors", "--out", "shards");
	assert.equal(await filesIn("shards"), await filesIn("reconstructed"));
});

test("codes of several levels, and those of another codebook", async () => {
	await succeed("encode", "levels", "photos", "--out", "levels.jsonl");
	await succeed("encode", "levels", "photos", "--out", "levels.safetensors");
	assert.equal((await codesIn("levels.safetensors")).shape, [22, 4, 4, 2]);
	await succeed("decode", "levels", "levels.jsonl", "--out", "levels-lines");
	await succeed("decode", "levels", "levels.safetensors", "--out", "levels-tensors");
	const name = join("cat", "4.png");
	assert.equal(await readFile(at("levels-lines", name)), await readFile(at("levels-tensors", name)));
	await copyFile(at("codes.npy"), at("bare.npy"));
	await succeed("decode", "run", "bare.npy", "--out", "bare");
	assert.equal((await filesIn("bare")).slice(0, 2), ["00000.png", "00001.png"]);
	await writeFile(at("tokens.jsonl"), `{"tokens": [${Array(16).fill(3).join()}]}\n`);
	await succeed("decode", "run", "tokens.jsonl", "--out", "tokens");
	assert.equal(await filesIn("tokens"), ["00000.png"]);
});

test("IDX files are read, raw and compressed, with their labels", async () => {
	const digits = generateDigits(5, 1);
	const header = Buffer.from([0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 28, 0, 0, 0, 28]);
	const idx = Buffer.concat([header, digits.pixels]);
	await writeFile(at("d-images-idx3-ubyte"), idx);
	await writeFile(
		at("d-labels-idx1-ubyte"),
		Buffer.concat([Buffer.from([0, 0, 8, 1, 0, 0, 0, 5]), digits.labels as Uint8Array]),
	);
	await mkdir(at("packed"));
	await writeFile(at("packed", "d-images-idx3-ubyte.gz"), gzipSync(idx));
	await succeed("encode", "run", "d-images-idx3-ubyte", "--out", "idx.safetensors");
	await succeed("encode", "run", join("packed", "d-images-idx3-ubyte.gz"), "--out", "packed.safetensors");
	const [raw, packed] = [await codesIn("idx.safetensors"), await codesIn("packed.safetensors")];
	assert.equal(raw.shape, [5, 7, 7]);
	assert.equal(raw.labels, Array.from(digits.labels ?? []));
	assert.equal([packed.values, packed.labels], [raw.values, undefined]);
	const one = await succeed(
		"encode",
		"run",
		join("packed", "d-images-idx3-ubyte.gz"),
		"--shard",
		"2/5",
		"--size",
		"8",
		"--out",
		"one.npy",
	);
	assert.match(one.output, "1 image of 8 × 8 as 2 × 2 codes");
	await writeFile(at("packed", "t-images-idx3-ubyte.gz"), gzipSync(idx).subarray(0, 200));
	await writeFile(at("t-images-idx3-ubyte"), idx.subarray(0, 3900));
	for (const path of [join("packed", "t-images-idx3-ubyte.gz"), "t-images-idx3-ubyte"]) {
		const { code, errors } = await tessera("encode", "run", path, "--out", "t.npy");
		assert.is(code, 1);
		assert.match(errors, /t-images-idx3-ubyte.*truncated/);
	}
});

test("files that cannot be read are left out, and more than --max-bad end the command without a file", async () => {
	await mkdir(at("mixed"));
	for (let i = 0; i < 4; i++) await copyFile(at("photos", "cat", `${2 * i}.png`), at("mixed", `${i}.png`));
	await writeFile(at("mixed", "1.png"), "no image");
	await writeFile(at("mixed", "2b.png"), (await readFile(at("photos", "dog", "0.png"))).subarray(0, 60));
	const refused = await tessera("encode", "run", "mixed", "--out", "mixed.npy", "--max-bad", "0.2");
	assert.is(refused.code, 1);
	assert.match(
		refused.errors,
		/2 images of 5 cannot be used, more than the 20 % that --max-bad allows\. The first one: "mixed\/1\.png"/,
	);
	assert.equal(
		(await readdir(folder)).filter((name) => name.includes("mixed.npy")),
		[],
	);
	const { output, errors } = await succeed("encode", "run", "mixed", "--out", "mixed.npy", "--max-bad", "0.5");
	assert.match(errors, /Left out: "mixed\/1\.png" is no image file/);
	assert.match(output, "3 images of 16 × 16 as 4 × 4 codes out of 12, 2 left out");
	const { names } = JSON.parse(await readFile(at("mixed.npy.json"), "utf8"));
	assert.equal(names, ["0.png", "2.png", "3.png"]);
});

test("evaluate measures all images and each class, and writes pairs", async () => {
	const { output } = await succeed("evaluate", "run", "photos", "--json", "--pairs", "pairs");
	const result = JSON.parse(output);
	assert.is(result.images, 22);
	assert.equal(
		result.classes.map(({ name, images }: { name: string; images: number }) => [name, images]),
		[
			["cat", 11],
			["dog", 11],
		],
	);
	for (const key of ["mse", "nmse", "psnr", "ssim"]) {
		const mean = (result.classes[0][key] + result.classes[1][key]) / 2;
		assert.ok(Math.abs(result[key] - mean) < 1e-9 * Math.abs(mean), `${key}: ${result[key]} instead of ${mean}`);
	}
	const used = new Set((await codesIn("codes.safetensors")).values);
	assert.is(result.levels[0].used, used.size);
	assert.equal(await filesIn(join("pairs", "originals")), await filesIn("reconstructed"));
	assert.equal(await filesIn(join("pairs", "reconstructions")), await filesIn("reconstructed"));
	for (const name of [join("cat", "1"), join("dog", "10")]) {
		const pair = await readImage(at("pairs", "reconstructions", `${name}.png`));
		assert.equal(pair.pixels, (await readImage(at("reconstructed", `${name}.png`))).pixels);
	}
	const held = await succeed("evaluate", "run");
	const config = JSON.parse(await readFile(at("run", "config.json"), "utf8"));
	const rows = (await readFile(at("run", "metrics.jsonl"), "utf8"))
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
	const { nmse } = rows.filter(({ type }) => type === "epoch").at(-1);
	assert.match(held.output, `${config.heldOutImages} images: MSE`);
	assert.match(held.output, `NMSE ${nmse.toFixed(4)}`, "the training's own number");
	const levels = await succeed("evaluate", "levels", join("photos", "cat"));
	assert.match(levels.output, /Level 1: \d+ of 12 codes in use, perplexity [\d.]+\nLevel 2: /);
});

test("reconstruct --metrics prints the errors of each image and their means", async () => {
	const { output } = await succeed("reconstruct", "run", join("photos", "cat"), "--metrics", "--out", "m");
	const errors = [...output.matchAll(/^\d+\.(?:png|jpg): MSE ([\d.]+), PSNR ([\d.]+) dB, SSIM -?[\d.]+$/gm)];
	assert.is(errors.length, 11);
	for (const [, mse, psnr] of errors) assert.ok(Math.abs(Number(psnr) + 10 * Math.log10(Number(mse))) < 0.02);
	const mean = errors.reduce((sum, [, , psnr]) => sum + Number(psnr), 0) / 11;
	const [, found] = /^Mean of 11 images: MSE [\d.]+, NMSE [\d.]+, PSNR ([\d.]+) dB/m.exec(output) ?? [];
	assert.ok(Math.abs(Number(found) - mean) < 0.01, `${found} instead of ${mean}`);
});

test("mistakes are named in one line, with exit code 1", async () => {
	await writeFile(at("wrong.jsonl"), `{"tokens": [${Array(16).fill(12).join()}]}\n`);
	await writeFile(at("long.jsonl"), `{"tokens": [${Array(17).fill(1).join()}]}\n`);
	await writeFile(at("empty.jsonl"), "");
	await checkMistakes(folder, [
		[["encode", "run"], /no images were given: name at least one image/],
		[["encode", "nowhere", "photos"], /There is no file or folder "nowhere"/],
		[["encode", "run", "photo"], /Did you mean "photos"\?/],
		[
			["encode", "run", "photos", "--out", "codes.pt"],
			/--out must end in \.safetensors, \.npy or \.jsonl, but is "codes\.pt"/,
		],
		[["encode", "run", "photos", "--shard", "0/3"], /--shard must be i\/n, counted from 1, .* but is "0\/3"/],
		[["encode", "run", "photos", "--split", "train"], /--split has no effect without a data set/],
		[["decode", "run"], /no codes were given/],
		[["decode", "run", "nothing.npy"], /"nothing\.npy" could not be read/],
		[["decode", "run", "codes.txt"], /must end in \.safetensors, \.npy or \.jsonl/],
		[["decode", "run", "run/model.safetensors"], /has no tensor "codes"/],
		[["decode", "levels", "codes.npy"], /codes of another codebook \([0-9a-f]{12}…\) than that of "levels"/],
		[
			["decode", "levels", "codes.npy", "--force"],
			/has 1 levels of codes per position, but the model of "levels" has 2/,
		],
		[["decode", "run", "wrong.jsonl", "--out", "w"], /image 0, row 0, column 0, must be below 12, .* but it is 12/],
		[["decode", "run", "long.jsonl"], /does not state how many rows and columns/],
		[["decode", "run", "empty.jsonl"], /"empty\.jsonl" has no images/],
		[["evaluate", "run", "photos", "--pairs", "pairs"], /originals" contains files already/],
		[["evaluate", "run", "--split", "test"], /--split has no effect on the images that the training held out/],
		[["evaluate", join("run", "config.json"), "photos"], /config\.json/],
		[["reconstruct", "run", "photos", "--out", "photos"], /would be overwritten/],
	]);
});

test.run();
