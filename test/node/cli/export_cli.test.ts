import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDigits } from "../../../src/data/digits.js";
import { loadModel } from "../../../src/node/runs/load_model.js";
import { device } from "../../support.js";
import { compareWithOnnx } from "../export/compare.js";
import { checkMistakes, runTessera } from "./command_line.js";

const test = suite("tessera export");

let folder = "";
const at = (...names: string[]) => join(folder, ...names);

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-export-"));
	const settings = ["--images", "64", "--epochs", "2", "--hidden", "8", "--codes", "24", "--dim", "4"];
	const { code, errors } = await runTessera(folder, ["train", ...settings, "--residual-layers", "1,0", "--out", "run"]);
	assert.is(code, 0, errors);
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

interface Result {
	readonly model: string;
	readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

test("both exports of a trained run: their files, sizes and hashes, and the model's codes and images in ONNX Runtime", async () => {
	const words = ["export", "run", "--hf", "hub", "--onnx", "hub/onnx", "--license", "mit", "--json"];
	const { code, output, errors } = await runTessera(folder, words);
	assert.is(code, 0, errors);
	const { model: path, files }: Result = JSON.parse(output);
	assert.is(path, join("run", "model.safetensors"));
	assert.equal(files.map((file) => file.path).sort(), [
		"hub/README.md",
		"hub/config.json",
		"hub/model.safetensors",
		"hub/onnx/decoder.onnx",
		"hub/onnx/encoder.onnx",
		"hub/reconstructions.png",
	]);
	for (const file of files) {
		const content = await readFile(at(file.path));
		assert.is(content.length, file.bytes, file.path);
		assert.is(createHash("sha256").update(content).digest("hex"), file.sha256, file.path);
	}
	const model = await loadModel(await device(), at(path));
	const { pixels } = generateDigits(32, 9);
	const values = Float32Array.from(pixels, (byte) => byte / 255 - 0.5);
	const images = model.vqLayer.gpu.tensor(values, [32, 1, 28, 28]);
	const [encoder, decoder] = await Promise.all(
		["encoder", "decoder"].map((name) => readFile(at("hub", "onnx", `${name}.onnx`))),
	);
	const { inUse, different } = await compareWithOnnx(model, { encoder, decoder }, [images]);
	assert.ok(inUse > 8 && different <= 2, `${inUse} codes in use, ${different} differ`);
	images.dispose();
	model.dispose();
});

test("the folder for the hub has the run's weights and picture, its sizes, its last numbers and a program", async () => {
	const read = (...names: string[]) => readFile(at(...names));
	assert.equal(await read("hub", "model.safetensors"), await read("run", "model.safetensors"));
	assert.equal(await read("hub", "reconstructions.png"), await read("run", "reconstructions.png"));
	const config = JSON.parse((await read("hub", "config.json")).toString());
	assert.equal(config.residual_layers, [1, 0]);
	assert.equal(
		[config.in_channels, config.hidden_channels, config.embedding_dim, config.num_embeddings],
		[1, 8, 4, 24],
	);
	assert.equal([config.quantizer, config.similarity, config.image_size], ["ema", "euclidean", [28, 28]]);
	assert.equal([config.image_mean, config.image_std], [[0.5], [1]]);
	assert.equal([config.training.data, config.training.trainImages, config.training.epochs], ["digits", 64, 2]);
	const rows = (await read("run", "metrics.jsonl")).toString().trim().split("\n");
	const { nmse, perplexity, codesInUse } = JSON.parse(rows.at(-1) ?? "");
	const card = (await read("hub", "README.md")).toString();
	const [, front, body] = /^---\n(.*?)\n---\n(.*)$/s.exec(card) ?? [];
	assert.match(front, /^license: "mit"$/m);
	assert.match(front, /^ {2}- onnx$/m);
	for (const [type, value] of Object.entries({ nmse, perplexity, codes_in_use: codesInUse }))
		assert.match(front, new RegExp(`- type: ${type}\n +name: .*\n +value: ${value}$`, "m"));
	assert.match(body, `| test NMSE | ${nmse.toFixed(4)} `);
	assert.match(body, "![Originals above reconstructions](reconstructions.png)");
	assert.match(body, 'InferenceSession("onnx/encoder.onnx")');
	// Each layer with weights is in the program, with the sizes of its weight.
	const { "decoder.convs.0.weight": weight, ...others } = loadSafetensors(await read("run", "model.safetensors"));
	assert.match(
		body,
		`nn.ConvTranspose2d(${weight.shape[0]}, ${weight.shape[1]}, 3, stride=2, padding=1, output_padding=1),`,
	);
	const layers = Object.keys(others).filter((name) => /^(en|de)coder\.convs\.\d+\.weight$/.test(name));
	assert.is(body.match(/^ {4}nn\.Conv/gm)?.length, layers.length + 1);
	assert.match(body, "    Residual(8),");
});

test("a file of weights that is not a run becomes ONNX alone, with other files left where they are", async () => {
	await mkdir(at("weights"));
	await copyFile(at("run", "model.safetensors"), at("weights", "mine.safetensors"));
	await writeFile(at("weights", "notes.txt"), "mine");
	const words = ["export", "weights/mine.safetensors", "--onnx", "weights"];
	const { code, output, errors } = await runTessera(folder, [...words, "--overwrite"]);
	assert.is(code, 0, errors);
	assert.match(output, /weights\/encoder\.onnx: [\d,]+ bytes\n/);
	assert.equal((await readdir(at("weights"))).sort(), [
		"decoder.onnx",
		"encoder.onnx",
		"mine.safetensors",
		"notes.txt",
	]);
	assert.is((await readFile(at("weights", "notes.txt"))).toString(), "mine");
});

test("mistakes", async () => {
	await mkdir(at("other"));
	await writeFile(at("other", "notes.txt"), "mine");
	await copyFile(at("run", "model.safetensors"), at("lonely.safetensors"));
	const before = (await readFile(at("run", "config.json"))).toString();
	await checkMistakes(folder, [
		[["export", "run"], /nothing to write: give --onnx FOLDER, --hf FOLDER, or both/],
		[["export", "run", "--onnx", "x", "--license", "mit"], /--license is for the model card of --hf/],
		[
			["export", "run", "--onnx", "other"],
			/--onnx "other" is not empty \(notes\.txt\): choose another folder, or give --over/,
		],
		[["export", "run", "--onnx", "lonely.safetensors"], /--onnx must be a folder, but "lonely\.safetensors" is a file/],
		[["export", "run", "--hf", "run", "--overwrite"], /--hf "run" is the folder of a run, whose config\.json/],
		[["export", "lonely.safetensors", "--hf", "x"], /has no config\.json/],
		[["export", "runn", "--onnx", "x"], /Did you mean "run"/],
	]);
	assert.is((await readFile(at("run", "config.json"))).toString(), before);
	assert.equal(await readdir(at("other")), ["notes.txt"]);
	assert.not.ok((await readdir(folder)).includes("x"));
});

test.run();
