import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runTessera } from "./command_line.js";

// Three small trainings from the command line whose every number is known. No option that is a number has its default, so
// that none can be ignored. lavapipe and SwiftShader gave the same bits on the machine where they were written down; other
// processors may round otherwise, and a code that is taken instead of another moves perplexity and commitment loss.

let folder = "";
const test = suite("trainings whose numbers are known");
const tolerance = { loss: 1e-3, reconLoss: 1e-3, nmse: 1e-3, nats: 1e-3, commitmentLoss: 2e-2, perplexity: 2e-2 };

const names = ["loss", "reconLoss", "commitmentLoss", "perplexity"] as const;
const steps: readonly (readonly number[])[] = [
	[2.5961575508, 2.5958793163, 0.0011130247, 7.3950691443],
	[2.300369978, 2.2987756729, 0.006377588, 4.6316985167],
	[2.0170814991, 2.0149872303, 0.0083775157, 3.2010094244],
	[1.7494293451, 1.7471988201, 0.0089219427, 4.1250400376],
	[1.5979517698, 1.5966281891, 0.0052941623, 6.428935377],
	[1.4555712938, 1.4545317888, 0.0041581588, 5.8715000906],
	[1.326177597, 1.3251600266, 0.0040700664, 6.0624421791],
	[1.1802556515, 1.1793773174, 0.0035133976, 4.9629806074],
	[1.2184602022, 1.2176896334, 0.0030823282, 6.3266189538],
	[1.2242233753, 1.2234789133, 0.0029777836, 6.7019008409],
	[1.1010032892, 1.1004606485, 0.002170796, 6.5939490079],
	[1.2872418165, 1.2866938114, 0.0021921548, 7.6784848278],
];
const epochs = [
	{ epoch: 1, step: 6, nmse: 1.3502749206, perplexity: 6.0738269814, codesInUse: 12 },
	{ epoch: 2, step: 12, nmse: 1.2214365005, perplexity: 7.2156296355, codesInUse: 12 },
];
const priorSteps = [2.5766479969, 2.5118319988, 2.4613723755, 2.4236733913, 2.3993341923, 2.3895652294];
const priorEpochs = [
	{ epoch: 1, step: 3, nats: 2.4263932705, nmse: 1.2214365005 },
	{ epoch: 2, step: 6, nats: 2.3869583607, nmse: 1.2214365005 },
];

/** Those of the options that are pinned: a cosine codebook, which a file must not be read without. */
const trainOptions =
	"--images 96 --epochs 2 --batch 16 --lr 0.004 --seed 5 --codes 12 --dim 4 --hidden 16 --similarity cosine";
const priorOptions = "--epochs 2 --batch 32 --lr 0.01 --channels 4 --layers 2 --seed 6";

type Row = Readonly<Record<string, number | string>>;

async function rowsOf(file: string, type: string, run = "run"): Promise<Row[]> {
	const text = await readFile(join(folder, run, file), "utf8");
	const rows = text
		.trim()
		.split("\n")
		.map((line): Row => JSON.parse(line));
	return rows.filter((row) => row.type === type);
}

function assertNumbers(row: Row | undefined, expected: Readonly<Record<string, number>>): void {
	for (const [name, value] of Object.entries(expected)) {
		const allowed = name in tolerance ? tolerance[name as keyof typeof tolerance] * value : 0;
		const found = Number(row?.[name]);
		assert.ok(Math.abs(found - value) <= allowed, `${name} is ${found} instead of ${value} in ${JSON.stringify(row)}`);
	}
}

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-pinned-"));
});

test.after(async () => {
	await rm(folder, { recursive: true, force: true });
});

test("each step and epoch of train", async () => {
	const { code, errors } = await runTessera(folder, ["train", ...trainOptions.split(" "), "--out", "run"]);
	assert.is(code, 0, errors);
	const found = await rowsOf("metrics.jsonl", "step");
	assert.is(found.length, steps.length);
	for (const [i, values] of steps.entries()) {
		const expected = Object.fromEntries(names.map((name, k) => [name, values[k] as number]));
		assertNumbers(found[i], { step: i + 1, epoch: i < 6 ? 1 : 2, ...expected });
	}
	const evaluated = await rowsOf("metrics.jsonl", "epoch");
	assert.is(evaluated.length, epochs.length);
	for (const [i, expected] of epochs.entries()) assertNumbers(evaluated[i], expected);
});

test("each step and epoch of train-prior, and the error of the model as its file gives it", async () => {
	const { code, errors } = await runTessera(folder, ["train-prior", "run", ...priorOptions.split(" ")]);
	assert.is(code, 0, errors);
	const found = await rowsOf("prior-metrics.jsonl", "step");
	assert.is(found.length, priorSteps.length);
	for (const [i, nats] of priorSteps.entries()) assertNumbers(found[i], { step: i + 1, epoch: i < 3 ? 1 : 2, nats });
	const evaluated = await rowsOf("prior-metrics.jsonl", "epoch");
	assert.is(evaluated.length, priorEpochs.length);
	for (const [i, expected] of priorEpochs.entries()) assertNumbers(evaluated[i], expected);
});

/** The other options, with none at its default that changes the numbers. */
const otherOptions =
	"--images 96 --epochs 1 --batch 16 --lr 0.01 --schedule constant --seed 7 --quantizer residual --levels 3 --codes 6 --dim 4 --hidden 16 --residual-layers 1,0 --init uniform --beta 0.7 --decay 0.9 --dead-below 0.5 --gradient rotation";
const otherSteps: readonly (readonly number[])[] = [
	[1.5485835075, 1.4312608242, 0.1676038206, 3.9280915335],
	[1.5738232136, 1.264523387, 0.4418568015, 3.2954148777],
	[1.1810255051, 1.161485076, 0.0279149711, 4.3869132617],
	[1.2520650625, 1.2456508875, 0.0091630239, 5.2449466676],
	[1.0902034044, 1.0894069672, 0.0011378343, 7.9036046294],
	[1.0445879698, 1.0440331697, 0.0007924999, 9.2601377294],
];

test("each step with the other options of train; weights are written before pictures", async () => {
	const { code, errors } = await runTessera(folder, ["train", ...otherOptions.split(" "), "--out", "other"]);
	assert.is(code, 0, errors);
	const found = await rowsOf("metrics.jsonl", "step", "other");
	assert.is(found.length, otherSteps.length);
	for (const [i, values] of otherSteps.entries())
		assertNumbers(found[i], Object.fromEntries(names.map((name, k) => [name, values[k] as number])));
	const [evaluated] = await rowsOf("metrics.jsonl", "epoch", "other");
	assertNumbers(evaluated, { nmse: 1.0938744545, perplexity: 8.5608886916, codesInUse: 15 });
	const [weights, picture] = await Promise.all(
		["model.safetensors", "epoch-001.png"].map((name) => stat(join(folder, "other", name))),
	);
	assert.ok((weights?.mtimeMs ?? 0) < (picture?.mtimeMs ?? 0), "weights first");
});

test.run();
