import { ArgumentError, DTypeError, type Gpu, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import { type SampleOptions, sampleCodes } from "../../../src/ops/codes/sample_codes.js";
import * as reference from "../../reference/sample_codes.js";
import { assertClose, assertThrows, device, randomArray } from "../../support.js";

const test = suite("sampleCodes");

interface Draw extends SampleOptions {
	readonly shape: readonly [batch: number, codes: number, height: number, width: number];
	readonly logits: ArrayLike<number>;
	readonly position: number;
	/** The first position of the run of kept positions that ends with `position`. */
	readonly firstPosition?: number;
	readonly firstImage?: number;
	readonly keep?: Uint32Array;
	readonly codes?: Uint32Array;
}

/** Draws at one position of each image; the codes and scores after that. */
async function draw(
	gpu: Gpu,
	{ shape, logits, position, firstPosition = position, firstImage = 0, keep, codes, ...options }: Draw,
) {
	const [batch, , height, width] = shape;
	const grid = [batch, height, width];
	const size = batch * height * width;
	const tensors = gpu.scope(() => {
		const state = {
			codes: gpu.tensor(codes ?? new Uint32Array(size).fill(999), grid),
			keep: gpu.tensor(keep ?? new Uint32Array(size), grid),
			score: gpu.tensor(new Float32Array(batch), [batch]),
			place: gpu.tensor(Uint32Array.of(firstPosition, position, firstImage), [3]),
		};
		sampleCodes(gpu.tensor(Float32Array.from(logits), shape), state, options);
		return state;
	});
	const [drawn, score] = await gpu.readAll([tensors.codes, tensors.score]);
	for (const tensor of Object.values(tensors)) tensor.dispose();
	return { codes: drawn as Uint32Array, score: score as Float32Array };
}

/** The logits of one image at a position. */
function column({ shape, logits, position }: Draw, image: number): number[] {
	const [, codes, height, width] = shape;
	return Array.from({ length: codes }, (_, k) => logits[(image * codes + k) * height * width + position]);
}

const cases: (Omit<Draw, "logits" | "position"> & { readonly spread?: number })[] = [
	{ shape: [1, 1, 1, 1] },
	{ shape: [5, 2, 1, 3], seed: 7 },
	{ shape: [67, 24, 3, 5], seed: 4294967295, firstImage: 1000 },
	{ shape: [33, 128, 7, 7], temperature: 0.7, seed: 1 },
	{ shape: [16, 128, 2, 2], topK: 5, seed: 2 },
	{ shape: [16, 128, 2, 2], topK: 1, seed: 2 },
	{ shape: [16, 100, 2, 2], topK: 100, seed: 3 },
	{ shape: [9, 1027, 1, 2], topK: 300, temperature: 1.5, seed: 5 },
	{ shape: [9, 63, 1, 2], temperature: 0 },
	{ shape: [9, 129, 1, 2], temperature: 0, topK: 3 },
	{ shape: [9, 40, 1, 2], temperature: 1e-3, seed: 4 },
	{ shape: [21, 128, 1, 1], seed: 9, spread: 80 },
];

for (const [i, { spread = 2, ...rest }] of cases.entries())
	test(`${JSON.stringify({ ...rest, spread })} agrees with the reference`, async () => {
		const gpu = await device();
		const [batch, codes, height, width] = rest.shape;
		const { data: logits } = randomArray(new Random(i), [batch * codes * height * width], -spread, spread);
		for (const position of new Set([0, height * width - 1])) {
			const given = { ...rest, logits, position };
			const { codes: drawn, score } = await draw(gpu, given);
			const options = { temperature: rest.temperature ?? 1, topK: rest.topK ?? codes, seed: rest.seed ?? 0 };
			drawn.forEach((code, at) => {
				const image = Math.floor(at / (height * width));
				const expected =
					at % (height * width) === position
						? reference.sampleCode(column(given, image), options, position, image + (rest.firstImage ?? 0))
						: 999;
				assert.is(code, expected, `image ${image}, position ${at % (height * width)}`);
			});
			assert.equal([...score], new Array(batch).fill(0));
		}
	});

test("equal logits: the lowest index without temperature, all that equal the last one with top-k", async () => {
	const gpu = await device();
	const row = [0, 3, -1, 3, 1, 1, 0, 3];
	const shape = [512, row.length, 1, 1] as const;
	const logits = Array.from({ length: 512 }, () => row).flat();
	const least = await draw(gpu, { shape, logits, position: 0, temperature: 0 });
	assert.ok(least.codes.every((code) => code === 1));
	const top = async (topK: number) =>
		[...new Set((await draw(gpu, { shape, logits, position: 0, topK, temperature: 4 })).codes)].sort((a, b) => a - b);
	const zeros = [-1, -0, 0, -0, -2, -1, 0, -0];
	const tied = await draw(gpu, {
		shape,
		logits: Array.from({ length: 512 }, () => zeros).flat(),
		position: 0,
		temperature: 0,
	});
	assert.ok(
		tied.codes.every((code) => code === 1),
		"-0 equals 0",
	);
	assert.equal(await top(1), [1, 3, 7]);
	assert.equal(await top(3), [1, 3, 7]);
	assert.equal(await top(4), [1, 3, 4, 5, 7]);
	assert.equal(await top(6), [0, 1, 3, 4, 5, 6, 7]);
});

test("the frequencies are those of the softmax", async () => {
	const gpu = await device();
	const row = [0.5, -1, 2, 0, 1];
	const count = 5000;
	const logits = Array.from({ length: count }, () => row).flat();
	const { codes } = await draw(gpu, { shape: [count, row.length, 1, 1], logits, position: 0, seed: 11 });
	const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
	row.forEach((logit, k) => {
		const expected = Math.exp(logit) / total;
		const share = codes.filter((code) => code === k).length / count;
		// Five standard deviations of a share.
		assert.ok(Math.abs(share - expected) < 5 * Math.sqrt((expected * (1 - expected)) / count), `code ${k}: ${share}`);
	});
});

test("codes that are kept stay, and their log-probability is added to the score", async () => {
	const gpu = await device();
	const shape = [7, 30, 2, 3] as const;
	const { data: logits } = randomArray(new Random(3), [7 * 30 * 6], -3, 3);
	const keep = Uint32Array.from({ length: 42 }, (_, at) => (Math.floor(at / 6) % 2 === 0 ? 1 : 0));
	const codes = Uint32Array.from({ length: 42 }, (_, at) => at % 30);
	const given = { shape, logits, position: 4, keep, codes, temperature: 0.3, topK: 2 };
	const drawn = await draw(gpu, given);
	const free = await draw(gpu, { ...given, keep: new Uint32Array(42) });
	for (let image = 0; image < 7; image++) {
		const kept = image % 2 === 0;
		const code = codes[6 * image + 4] as number;
		assert.is(drawn.codes[6 * image + 4], kept ? code : free.codes[6 * image + 4]);
		const expected = kept ? reference.logProbability(column(given, image), code) : 0;
		assertClose([drawn.score[image] as number], [expected], 1e-5, `score of image ${image}`);
	}
});

test("a run of kept codes and the one after it are done at once", async () => {
	const gpu = await device();
	const shape = [5, 70, 2, 3] as const;
	const { data: logits } = randomArray(new Random(8), [5 * 70 * 6], -3, 3);
	const keep = Uint32Array.from({ length: 30 }, (_, at) => (at % 6 < 4 ? 1 : 0));
	const codes = Uint32Array.from({ length: 30 }, (_, at) => (at * 7) % 70);
	const given = { shape, logits, keep, codes, temperature: 0.8, topK: 9, seed: 2 };
	const alone = await draw(gpu, { ...given, position: 4 });
	const { codes: drawn, score } = await draw(gpu, { ...given, position: 4, firstPosition: 1 });
	assert.equal(drawn, alone.codes);
	const expected = Array.from({ length: 5 }, (_, image) =>
		[1, 2, 3].reduce(
			(sum, position) =>
				sum + reference.logProbability(column({ ...given, position }, image), codes[6 * image + position] as number),
			0,
		),
	);
	assertClose(score, expected, 1e-5, "scores");
});

test("refuses settings and shapes that do not fit", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const logits = gpu.tensor(new Float32Array(12), [2, 3, 1, 2]);
		const state = {
			codes: gpu.tensor(new Uint32Array(4), [2, 1, 2]),
			keep: gpu.tensor(new Uint32Array(4), [2, 1, 2]),
			score: gpu.tensor([0, 0], [2]),
			place: gpu.tensor(Uint32Array.of(0, 0, 0), [3]),
		};
		assertThrows(() => sampleCodes(logits, state, { temperature: -1 }), ArgumentError, ["temperature"]);
		assertThrows(() => sampleCodes(logits, state, { topK: 0 }), ArgumentError, ["topK"]);
		assertThrows(() => sampleCodes(logits, state, { seed: 2 ** 32 }), ArgumentError, ["seed"]);
		const wrong = gpu.tensor(new Uint32Array(2), [2, 1, 1]);
		assertThrows(() => sampleCodes(logits, { ...state, keep: wrong }), ShapeError, ["keep", [2, 1, 1]]);
		const floats = gpu.tensor([0, 0, 0], [3]);
		// @ts-expect-error: the types refuse floats as well
		assertThrows(() => sampleCodes(logits, { ...state, place: floats }), DTypeError);
	});
});

test.run();
