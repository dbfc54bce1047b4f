// Every function and class of every entry, each argument of which is replaced by everything that it must not be.
import * as library from "tessera-gpu";
import * as digits from "tessera-gpu/digits";
import * as prior from "tessera-gpu/prior";
import * as quantizers from "tessera-gpu/quantizers";
import * as vqvae from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatValue } from "../src/base/arguments.js";
import { device } from "./support.js";

const { Adam, Conv2d, ConvTranspose2d, Embedding, Random, ReLU, Sequential, Tensor, TesseraError } = library;
const { Decoder, Encoder, ResidualBlock, Trainer, VectorQuantizer, VQVAE } = vqvae;
const { CodebookQuantizer, FiniteScalarQuantizer, ResidualQuantizer } = quantizers;
const { GatedPixelCNN, PriorTrainer } = prior;

/** An argument or an option: one value that is right, those that are not, and the options in it. */
interface Argument {
	readonly right: unknown;
	readonly wrong: readonly unknown[];
	readonly options: Readonly<Record<string, Argument>>;
	/** How messages name it, if not by its name. */
	readonly called?: string;
}

/** A function with its arguments in order. */
interface Call {
	readonly call: (...values: never[]) => unknown;
	readonly args: Readonly<Record<string, Argument>>;
	/** How messages name the function, if not by its name here. */
	readonly says?: string;
	/** Whether it takes too long, or too much, to be called with what is right. */
	readonly onlyWrong?: boolean;
}

/** The public methods of a class that take arguments, as the compiler knows them. */
type Methods<T> = {
	[K in keyof T & string]: T[K] extends (...args: infer A) => unknown ? (A["length"] extends 0 ? never : K) : never;
}[keyof T & string];
type Calls<T, Internal extends string = never> = Readonly<Record<Exclude<Methods<T>, Internal>, Call>>;

const gpu = await device();
const random = new Random(1);
const x = gpu.tensor([[1, 2], [3, 4]]); // biome-ignore format: a matrix
const images = gpu.tensor(new Float32Array(16), [1, 1, 4, 4]);
const weight = gpu.tensor(new Float32Array(9), [1, 1, 3, 3]);
const scalar = gpu.parameter(1);
const parameter = gpu.parameter([1, 2]);
const indices = gpu.tensor(Uint32Array.of(0, 1));
const counts = gpu.tensor(new Uint32Array(2));
const gone = gpu.tensor([1]);
gone.dispose();
const promise = Promise.resolve(1);
const bytes = await library.saveSafetensors({ x });
const idx = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7);
const set = { name: "one", count: 1, channels: 1, height: 1, width: 2, pixels: Uint8Array.of(1, 2) };
const packed = library.packImages(gpu, set.pixels, [1, 1, 1, 2]);
const itself: unknown[] = [];
itself.push(itself);

const model = new VQVAE(gpu, { inChannels: 1, embeddingDim: 2, numEmbeddings: 2, hiddenChannels: 2 });
const latents = gpu.tensor([[[[1]], [[2]]]]);
const codes = gpu.tensor(Uint32Array.of(1), [1, 1, 1]);
const codebook = new CodebookQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 2 });
const residual = new ResidualQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 2, levels: 1 });
const pairs = gpu.tensor(Uint32Array.of(1), [1, 1, 1, 1]);
const finite = new FiniteScalarQuantizer(gpu, [2, 2]);
const paper = new VectorQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 2 });
const pixelCNN = new GatedPixelCNN(gpu, { numEmbeddings: 2, height: 1, width: 1, channels: 1, layers: 1 });
const trainer = new Trainer(model);
const priorTrainer = new PriorTrainer(pixelCNN, { steps: 9 });
const layers = {
	Conv2d: new Conv2d(gpu, 1, 1, 3, { random }),
	ConvTranspose2d: new ConvTranspose2d(gpu, 1, 1, 3, { random }),
	ReLU: new ReLU(),
	Sequential: new Sequential([new ReLU()]),
	Encoder: new Encoder(gpu, random, 1, 2, 2),
	Decoder: new Decoder(gpu, random, 1, 2, 2),
	ResidualBlock: new ResidualBlock(gpu, random, 2),
};
const heads = new library.MultiheadAttention(gpu, 2, 1);
const sequence = gpu.tensor(new Float32Array(4), [1, 2, 2]);
const words = new Embedding(gpu, 2, 2, { random });

const emptyObject = {};
const values: readonly unknown[] = [
	undefined,
	null,
	true,
	0,
	-1,
	1.5,
	Number.NaN,
	Number.POSITIVE_INFINITY,
	"",
	"1",
	"float32",
	1n,
	Symbol("s"),
	() => 1,
	emptyObject,
	{ shape: [1], data: ["1"] },
	[],
	[1, "2"],
	[[1], [2, 3]],
	[undefined],
	itself,
	new Array(2),
	new Map(),
	new Date(0),
	Float32Array.of(1),
	Uint8Array.of(1),
	Float64Array.of(1),
	new ArrayBuffer(2),
	new DataView(new ArrayBuffer(2)),
	promise,
	x,
	gone,
	indices,
	parameter,
	gpu,
	random,
	model,
	Tensor,
];

/** An argument for which all values are wrong but those that `fits` takes, and `more` as well. */
function argument(right: unknown, fits: (value: unknown) => boolean, ...more: readonly unknown[]): Argument {
	return { right, wrong: [...values.filter((value) => !fits(value)), ...more], options: {} };
}

/** What may also be left out. */
function optional(inner: Argument): Argument {
	return { ...inner, wrong: inner.wrong.filter((value) => value !== undefined) };
}

function called(name: string, inner: Argument): Argument {
	return { ...inner, called: name };
}

/** An object with options, or with `needed` properties. */
function options(known: Readonly<Record<string, Argument>>, needed: Readonly<Record<string, unknown>> = {}): Argument {
	const plain = (value: unknown) =>
		value === undefined || (typeof value === "object" && value !== null && value.constructor === Object);
	return { ...argument(needed, plain, { ...needed, unheardOf: 1 }, { shape: [1] }), options: known };
}

const isTensor = (value: unknown) => value instanceof Tensor && value !== gone;
const float = (right: unknown) => argument(right, (value) => isTensor(value) && value !== indices);
const integer = (right: unknown) => argument(right, (value) => value === indices);
const tensor = (right: unknown) => argument(right, isTensor);
const number = (right: number, least = Number.NEGATIVE_INFINITY, ...more: readonly unknown[]) =>
	argument(right, (value) => Number.isFinite(value) && Number(value) >= least, ...more);
/** A number, or an infinite one. */
const limit = (right: number) => argument(right, (value) => typeof value === "number" && !Number.isNaN(value));
const whole = (right: number, least = Number.NEGATIVE_INFINITY, ...more: readonly unknown[]) =>
	argument(right, (value) => Number.isInteger(value) && Number(value) >= least, ...more);
const flag = argument(true, (value) => typeof value === "boolean");
const word = (right: string) => argument(right, () => false);
const text = argument("text", (value) => typeof value === "string");
const body = (right: () => unknown) => argument(right, (value) => typeof value === "function");
const pair = (right: unknown) => argument(right, (value) => value === 0, [1], [1, 2, 3], [1.5, 1], ["1", 1]);
const shape = (right: readonly number[]) =>
	argument(right, (value) => Array.isArray(value) && value.length === 0, [1.5], [-1], ["1"], [Number.NaN], [[1]]);
const device_ = argument(gpu, (value) => value === gpu);
const source = argument(random, (value) => value === random);
const file = (right: unknown) =>
	argument(right, (value) => value instanceof Uint8Array || value instanceof ArrayBuffer);
const adam = {
	lr: number(0.1, 0),
	betas: argument([0, 0], () => false, [0.9], [0.9, 1], [0.9, "1"], [0.9, -1], [0, 0, 0]),
	eps: number(1, 1e-9, 0),
	weightDecay: number(0, 0, -1),
};
const convolution = {
	bias: float(gpu.tensor([0])),
	stride: pair(1),
	padding: pair(1),
	dilation: pair(1),
	groups: whole(1, 1),
	activation: word("relu"),
};
const { bias: _, ...layerOptions } = convolution;
const sampling = { temperature: number(1, 0), topK: whole(1, 1), seed: whole(0, 0, 2 ** 32) };
const vectorQuantizerOptions = {
	embeddingDim: whole(2, 1, 1e12),
	numEmbeddings: whole(2, 1, 1e12),
	commitmentCost: number(0, 0),
};
const codebookOptions = {
	...vectorQuantizerOptions,
	learning: word("ema"),
	decay: number(0.5, 0, 1, 1.5),
	epsilon: number(0, 0),
	deadBelow: number(0, 0, 1, 1.5),
	similarity: word("cosine"),
	gradient: word("rotation"),
	seed: whole(0, 0, 2 ** 32),
};
const batches = (right: unknown) => argument(right, () => false, [1], [() => 1], [() => promise], ["x"]);
const dictionary = (right: unknown) =>
	argument(right, (value) => typeof value === "object" && value?.constructor === Object);
const axis = whole(0, Number.NEGATIVE_INFINITY, 2, -3);
const ordered = (right: unknown) => argument(right, () => false, [0], [0, 0], [0, 2], [0, "1"], [0, 1.5], [-2, 0]);
const fitting = (right: unknown) =>
	argument(right, () => false, [3], [-1, -1], [4, "1"], [1.5, 2], [0, 4], [Number.NaN, 4]);
const isTyped = (value: unknown) => ArrayBuffer.isView(value) && "length" in value;
const data = (right: unknown) =>
	argument(
		right,
		(value) => typeof value === "number" || isTyped(value) || (Array.isArray(value) && value.length === 0),
	);

const operand = (right: unknown) =>
	argument(right, (value) => (isTensor(value) && value !== indices) || typeof value === "number");
const axes = argument([0], (value) => value === 0 || value === -1, [0, 2], [0.5], ["1"], 2);
const reduction = called(
	"axis",
	optional(argument(0, (value) => [0, -1].includes(value as number) || value === emptyObject, [0, 2], [0, 0])),
);
const oneAxis = called(
	"axis",
	optional(argument(0, (value) => [0, -1, emptyObject].includes(value as number), 2, -3, [0])),
);
const targetOptions = {
	axis: optional(axis),
	ignoreIndex: optional(whole(1, 0, -1)),
	reduction: word("sum"),
};

const unary = (call: (x: library.Tensor) => unknown): Call => ({ call, args: { x: float(x) } });
const layer = { gpu: device_, random: source };
/** The options of layers with weights that are drawn, and with a bias. */
const drawing = {
	random: optional(argument(random, (value) => value === random || Number.isInteger(value))),
	bias: argument(true, (value) => typeof value === "boolean" || value === undefined),
};
const affine = {
	eps: optional(number(1, 0, -1)),
	affine: argument(true, (value) => typeof value === "boolean" || value === undefined),
	bias: argument(true, (value) => typeof value === "boolean" || value === undefined),
};

/** Every function of every entry. */
const functions: Readonly<Record<string, Call>> = {
	noGrad: { call: library.noGrad, args: { body: body(() => 1) } },
	stopGradient: { call: library.stopGradient, args: { x: tensor(x) } },
	gunzipIfNeeded: { call: library.gunzipIfNeeded, args: { bytes: file(idx) } },
	parseIdx: { call: library.parseIdx, args: { bytes: file(idx) } },
	batches: {
		call: library.batches,
		args: {
			count: whole(3, 0, 2 ** 33),
			batchSize: whole(2, 1),
			random: optional(source),
			options: options({ dropLast: optional(flag) }),
		},
	},
	imageSetFromIdx: {
		call: library.imageSetFromIdx,
		args: { name: text, imagesBytes: file(idx), labelsBytes: optional(file(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7))) },
	},
	subset: {
		call: library.subset,
		args: {
			set: argument(set, () => false, { ...set, count: 2 }, { ...set, labels: [1] }, { ...set, pixels: [1, 2] }),
			start: whole(0, 0, 2),
			end: whole(1, 0, 2),
		},
	},
	imageVariance: {
		call: library.imageVariance,
		args: { set: argument(set, () => false, { ...set, pixels: Uint8Array.of(1) }) },
	},
	measureSpeed: { call: library.measureSpeed, args: { device: device_ }, onlyWrong: true },
	saveSafetensors: {
		call: library.saveSafetensors,
		args: {
			dict: { ...dictionary({ x }), wrong: [...dictionary({ x }).wrong, { x: 1 }, { x: gone }, { x: promise }] },
			metadata: optional({ ...dictionary({}), wrong: [...dictionary({}).wrong, { a: 1 }, { a: null }] }),
		},
	},
	loadSafetensors: { call: library.loadSafetensors, args: { bytes: file(bytes.buffer) } },
	loadSafetensorsMetadata: { call: library.loadSafetensorsMetadata, args: { bytes: file(bytes) } },
	summary: {
		call: library.summary,
		args: { model: argument(model, (value) => value === model), inputShape: shape([1, 1, 4, 4]) },
	},
	backward: { call: library.backward, args: { loss: argument(scalar, () => false) } },
	...Object.fromEntries(
		Object.entries({
			add: library.add,
			sub: library.sub,
			mul: library.mul,
			div: library.div,
			maximum: library.maximum,
			minimum: library.minimum,
			pow: library.pow,
			equal: library.equal,
			notEqual: library.notEqual,
			greater: library.greater,
			greaterEqual: library.greaterEqual,
			less: library.less,
			lessEqual: library.lessEqual,
		}).map(([name, call]) => [name, { call, args: { a: operand(x), b: operand(x) } }]),
	),
	...Object.fromEntries(
		Object.entries({
			exp: library.exp,
			log: library.log,
			sqrt: library.sqrt,
			reciprocal: library.reciprocal,
			sin: library.sin,
			cos: library.cos,
			tanh: library.tanh,
			sigmoid: library.sigmoid,
			silu: library.silu,
			floor: library.floor,
			round: library.round,
		}).map(([name, call]) => [name, unary(call)]),
	),
	...Object.fromEntries(
		Object.entries({ neg: library.neg, abs: library.abs, sign: library.sign, square: library.square }).map(
			([name, call]) => [name, { call, args: { x: tensor(x) } }],
		),
	),
	gelu: { call: library.gelu, args: { x: float(x), options: options({ approximate: word("tanh") }) } },
	leakyRelu: { call: library.leakyRelu, args: { x: float(x), options: options({ negativeSlope: number(0.1) }) } },
	elu: { call: library.elu, args: { x: float(x), options: options({ alpha: number(1) }) } },
	softplus: {
		call: library.softplus,
		args: { x: float(x), options: options({ beta: number(1, 1e-9, 0), threshold: number(1) }) },
	},
	clamp: {
		call: library.clamp,
		args: {
			x: tensor(x),
			options: { ...options({ max: limit(2) }, { min: 1 }), options: { min: limit(1), max: limit(2) } },
		},
	},
	cast: {
		call: library.cast,
		args: { x: tensor(x), dtype: argument("int32", (value) => value === "float32", "float16") },
	},
	where: {
		call: library.where,
		args: { condition: integer(gpu.tensor(Uint32Array.of(0, 1))), a: operand(x), b: operand(x) },
	},
	variance: {
		call: library.variance,
		args: {
			x: float(x),
			over: reduction,
		},
	},
	// In Node alone.
	...Object.fromEntries(
		Object.entries(library)
			.filter(([name]) => name === "loadDataset")
			.map(([name, call]) => [
				name,
				{
					call: call as Call["call"],
					args: { source: argument("digits", (value) => typeof value === "string"), options: options({}) },
					onlyWrong: true,
				},
			]),
	),
	kernel: {
		call: library.kernel,
		args: {
			name: argument("own", (value) => typeof value === "string" && value !== ""),
			wgsl: argument("@compute @workgroup_size(1) fn main() {}", () => false),
		},
	},
	defineOperation: {
		call: library.defineOperation,
		args: {
			definition: called("", {
				...options({}, { name: "own", forward: () => x }),
				wrong: [
					...options({}).wrong.filter((value) => value !== undefined),
					{},
					{ name: "own" },
					{ name: "", forward: () => x },
					{ name: "own", forward: () => x, backward: 1 },
				],
			}),
		},
		onlyWrong: true,
	},
	clipGradNorm: {
		call: library.clipGradNorm,
		args: { parameters: argument([parameter], () => false, [x], [1], [promise]), maxNorm: number(1, 0, -1) },
	},
	cosine: {
		call: library.cosine,
		args: {
			options: {
				...options({}, { lr: 1, steps: 2 }),
				options: { lr: number(1, 0, -1), steps: whole(2, 1), min: optional(number(0, 0, -1)) },
			},
		},
	},
	step: {
		call: library.step,
		args: {
			options: {
				...options({}, { lr: 1, every: 2 }),
				options: { lr: number(1, 0, -1), every: whole(2, 1), gamma: optional(number(0, 0, -1)) },
			},
		},
	},
	linearWarmup: {
		call: library.linearWarmup,
		args: {
			options: {
				...options({}, { lr: 1, steps: 2 }),
				options: {
					lr: argument(1, (value) => typeof value === "function" || (Number.isFinite(value) && Number(value) >= 0)),
					steps: whole(2, 1),
					start: optional(number(0, 0, 2)),
				},
			},
		},
	},
	oneCycle: {
		call: library.oneCycle,
		args: {
			options: {
				...options({}, { lr: 1, steps: 2 }),
				options: {
					lr: number(1, 0, -1),
					steps: whole(2, 2),
					warmup: optional(number(0, 0, 1)),
					divFactor: optional(number(1, 1e-9, 0)),
					finalDivFactor: optional(number(1, 1e-9, 0)),
					anneal: optional(word("linear")),
				},
			},
		},
	},
	gradCheck: {
		call: library.gradCheck,
		args: {
			fn: body(() => x),
			inputs: argument([x], () => false, [indices], [gone]),
			options: options({
				eps: number(1, 1e-9, 0),
				atol: number(1, 0, -1),
				rtol: number(1, 0, -1),
				samples: whole(1, 1),
				seed: whole(1),
			}),
		},
		onlyWrong: true,
	},
	maxPool2d: {
		call: library.maxPool2d,
		args: {
			x: float(images),
			kernelSize: { ...pair(2), wrong: [...pair(2).wrong, 0, 9] },
			options: options({
				stride: optional({ ...pair(1), wrong: [...pair(1).wrong, 0] }),
				padding: optional(pair(0)),
				dilation: optional({ ...pair(1), wrong: [...pair(1).wrong, 0] }),
				ceilMode: optional(flag),
			}),
		},
	},
	avgPool2d: {
		call: library.avgPool2d,
		args: {
			x: float(images),
			kernelSize: { ...pair(2), wrong: [...pair(2).wrong, 0, 9] },
			options: options({
				stride: optional({ ...pair(1), wrong: [...pair(1).wrong, 0] }),
				padding: optional(pair(0)),
				countIncludePad: optional(flag),
				ceilMode: optional(flag),
			}),
		},
	},
	adaptiveAvgPool2d: {
		call: library.adaptiveAvgPool2d,
		args: { x: float(images), outputSize: { ...pair(1), wrong: [...pair(1).wrong, 0] } },
	},
	interpolate: {
		call: library.interpolate,
		args: {
			x: float(images),
			options: {
				...options({}, { size: 2 }),
				options: {
					size: { ...pair(2), wrong: [...pair(2).wrong, 0] },
					mode: word("bilinear"),
					alignCorners: argument(false, (value) => typeof value === "boolean"),
				},
			},
		},
	},
	conv1d: {
		call: library.conv1d,
		args: {
			input: float(gpu.tensor([[[1, 2]]])),
			weight: float(gpu.tensor([[[1]]])),
			options: options({
				bias: optional(float(gpu.tensor([0]))),
				stride: optional(whole(1, 1)),
				padding: optional(whole(0, 0)),
				dilation: optional(whole(1, 1)),
				groups: optional(whole(1, 1)),
			}),
		},
	},
	layerNorm: {
		call: library.layerNorm,
		args: {
			x: float(x),
			normalizedShape: argument([2], () => false, [3], [2, 3], [2, 2, 2], ["2"]),
			options: options({ weight: float(parameter), bias: float(parameter), eps: number(1, 0, -1) }),
		},
	},
	groupNorm: {
		call: library.groupNorm,
		args: {
			x: float(x),
			groups: whole(1, 1, 3),
			options: options({ weight: float(parameter), bias: float(parameter), eps: number(1, 0, -1) }),
		},
	},
	batchNorm2d: {
		call: library.batchNorm2d,
		args: {
			x: float(images),
			options: options(
				{
					weight: float(gpu.tensor([1])),
					bias: float(gpu.tensor([1])),
					eps: number(1, 0, -1),
					training: optional(flag),
					runningMean: float(gpu.tensor([1])),
					runningVar: float(gpu.tensor([1])),
					momentum: number(0.1, 0, 2),
				},
				{ training: true, runningMean: gpu.tensor([1]), runningVar: gpu.tensor([1]) },
			),
		},
	},
	max: { call: library.max, args: { x: tensor(x), over: reduction } },
	min: { call: library.min, args: { x: tensor(x), over: reduction } },
	argmax: { call: library.argmax, args: { x: tensor(x), over: oneAxis } },
	argmin: { call: library.argmin, args: { x: tensor(x), over: oneAxis } },
	logSumExp: { call: library.logSumExp, args: { x: float(x), over: reduction } },
	cumsum: { call: library.cumsum, args: { x: tensor(x), axis } },
	transpose: {
		call: library.transpose,
		args: { x: tensor(x), first: called("axis", axis), second: called("axis", axis) },
	},
	flatten: {
		call: library.flatten,
		args: { x: tensor(x), startAxis: called("axis", optional(axis)), endAxis: called("axis", optional(axis)) },
	},
	squeeze: { call: library.squeeze, args: { x: tensor(x), axis: optional(axes) } },
	unsqueeze: { call: library.unsqueeze, args: { x: tensor(x), axis: whole(0, -3, 3) } },
	expand: {
		call: library.expand,
		args: { x: tensor(x), shape: argument([3, 2, 2], () => false, [3, 2], [-1, 2, 2], [2], [1.5, 2, 2]) },
	},
	flip: { call: library.flip, args: { x: tensor(x), axis: axes } },
	slice: {
		call: library.slice,
		args: { x: tensor(x), axis, start: whole(0), end: optional(whole(1)), step: optional(whole(1, 1)) },
	},
	split: {
		call: library.split,
		args: {
			x: tensor(x),
			sizes: argument(1, () => false, [1], [1, -1, 2], [1, "1"]),
			axis: optional(axis),
		},
	},
	cat: {
		call: library.cat,
		args: { tensors: argument([x], () => false, [x, 1], [x, gone], [x, indices]), axis: optional(axis) },
	},
	stack: {
		call: library.stack,
		args: { tensors: argument([x], () => false, [x, 1], [x, gone], [x, indices]), axis: optional(whole(0, -3, 3)) },
	},
	pad: {
		call: library.pad,
		args: {
			x: tensor(x),
			padding: argument(
				[
					[1, 1],
					[0, 0],
				],
				() => false,
				[[1, 1]],
				[1, 1],
				[
					[1, 1],
					[0, "0"],
				],
				[
					[1, 1],
					[0.5, 0],
				],
			),
			options: options({ value: argument(1, (value) => typeof value === "number") }),
		},
	},
	indexSelect: { call: library.indexSelect, args: { x: tensor(x), axis, indices: integer(indices) } },
	gather: {
		call: library.gather,
		args: { x: tensor(x), axis, indices: integer(gpu.tensor(Uint32Array.of(0), [1, 1])) },
	},
	scatterAdd: {
		call: library.scatterAdd,
		args: { x: tensor(x), axis, indices: integer(gpu.tensor(Uint32Array.of(0), [1, 1])), source: tensor(x) },
	},
	oneHot: { call: library.oneHot, args: { indices: integer(indices), classes: whole(2, 1) } },
	dropout: {
		call: library.dropout,
		args: { x: float(x), options: options({ p: number(0.5, 0, 1), training: flag, random: integer(counts) }) },
	},
	l1Loss: { call: library.l1Loss, args: { a: float(x), b: float(x), options: options({ reduction: word("sum") }) } },
	smoothL1Loss: {
		call: library.smoothL1Loss,
		args: { a: float(x), b: float(x), options: options({ reduction: word("sum"), beta: number(1, 1e-9, 0) }) },
	},
	binaryCrossEntropyWithLogits: {
		call: library.binaryCrossEntropyWithLogits,
		args: { logits: float(x), targets: float(x), options: options({ reduction: word("none") }) },
	},
	nllLoss: {
		call: library.nllLoss,
		args: { logProbabilities: float(x), targets: integer(indices), options: options(targetOptions) },
	},
	conv2d: {
		call: library.conv2d,
		args: {
			input: float(images),
			weight: float(weight),
			options: options({ ...convolution, paddingEnd: argument(1, Number.isInteger, [1, 2, 3], [1.5, 1]) }),
		},
	},
	convTranspose2d: {
		call: library.convTranspose2d,
		args: { input: float(images), weight: float(weight), options: options({ ...convolution, outputPadding: pair(0) }) },
	},
	countCodes: { call: library.countCodes, args: { indices: integer(indices), counts: integer(counts) } },
	crossEntropy: {
		call: library.crossEntropy,
		args: {
			logits: float(x),
			targets: integer(indices),
			options: options({ ...targetOptions, labelSmoothing: number(0.1, 0, 1.5) }),
		},
	},
	embedding: {
		call: library.embedding,
		args: { indices: integer(codes), weight: float(x), options: options({ layout: word("NCHW") }) },
	},
	packImages: {
		call: library.packImages,
		args: {
			gpu: device_,
			pixels: argument(set.pixels, (value) => value instanceof Uint8Array),
			shape: { ...shape([1, 1, 1, 2]), wrong: [...shape([]).wrong, [], [1, 2]] },
		},
	},
	gatherImages: {
		call: library.gatherImages,
		args: {
			images: argument(packed, () => false),
			indices: integer(indices),
			options: options({ scale: number(1), shift: number(1) }),
		},
	},
	linear: { call: library.linear, args: { x: float(x), weight: float(x), bias: optional(float(parameter)) } },
	matmul: {
		call: library.matmul,
		args: { a: float(x), b: float(x), options: options({ transposeA: flag, transposeB: flag }) },
	},
	scaledDotProductAttention: {
		call: library.scaledDotProductAttention,
		args: {
			q: float(x),
			k: float(x),
			v: float(x),
			options: options({
				causal: flag,
				mask: optional(argument(x, isTensor)),
				scale: optional(number(1)),
			}),
		},
	},
	mseLoss: {
		call: library.mseLoss,
		args: { a: float(x), b: float(x), options: options({ scale: number(1), reduction: word("sum") }) },
	},
	nearestCode: { call: library.nearestCode, args: { z: float(x), codebook: float(x) } },
	permute: { call: library.permute, args: { x: tensor(x), order: ordered([1, 0]) } },
	perplexity: { call: library.perplexity, args: { indices: integer(indices), codes: whole(2, 1) } },
	quantize: {
		call: library.quantize,
		args: {
			z: float(x),
			codebook: float(x),
			indices: integer(indices),
			options: options({ commitmentCost: number(1, 0), codebookCost: number(1, 0) }),
		},
	},
	relu: unary(library.relu),
	reshape: { call: library.reshape, args: { x: tensor(x), shape: fitting([4]) } },
	scale: { call: library.scale, args: { x: float(x), factor: number(2) } },
	softmax: { call: library.softmax, args: { x: float(x), axis: axis } },
	logSoftmax: { call: library.logSoftmax, args: { x: float(x), axis: axis } },
	straightThrough: { call: library.straightThrough, args: { z: float(x), quantized: float(x) } },
	mean: { call: library.mean, args: { x: float(x), over: reduction } },
	sum: { call: library.sum, args: { x: tensor(x), over: reduction } },
	openDevice: {
		call: library.openDevice,
		onlyWrong: true,
		args: {
			options: options({
				powerPreference: word("low-power"),
				requiredFeatures: argument([], (value) => Array.isArray(value)),
				tune: argument(false, (value) => typeof value === "boolean" || value === gpu),
				poolLimit: number(1, 0),
				variant: word("portable"),
				debug: word("launches"),
				idle: body(() => () => undefined),
			}),
		},
	},
	codeUse: {
		call: vqvae.codeUse,
		args: {
			counts: argument(
				[1, 2],
				(value) => isTyped(value) || (Array.isArray(value) && value[0] === undefined && value.length === 0),
				[-1],
				[Number.NaN],
			),
		},
	},
	finiteScalar: {
		call: quantizers.finiteScalar,
		args: { z: float(x), levels: integer(gpu.tensor(Uint32Array.of(2, 2))) },
	},
	finiteScalarLookup: {
		call: quantizers.finiteScalarLookup,
		args: { indices: integer(indices), levels: integer(gpu.tensor(Uint32Array.of(2, 2))) },
	},
	normalize: unary(quantizers.normalize),
	rotationTrick: { call: quantizers.rotationTrick, args: { z: float(x), quantized: float(x) } },
	initialiseCodebook: {
		call: quantizers.initialiseCodebook,
		args: {
			quantizer: argument(codebook, () => false),
			method: word("data"),
			latents: float(latents),
			options: options({ iterations: whole(1, 0), seed: whole(1) }),
		},
	},
	samplePrior: {
		call: prior.samplePrior,
		args: {
			model: argument(pixelCNN, () => false),
			options: options(
				{
					count: whole(1, 1, 1e12),
					labels: argument(undefined, () => false, [0]),
					firstImage: whole(0, 0),
					codes: argument(Uint32Array.of(0), () => false, new Uint32Array(2)),
					keep: argument(Uint32Array.of(0), () => false, new Uint32Array(2)),
					...sampling,
				},
				{ count: 1 },
			),
		},
	},
	completePrior: {
		call: prior.completePrior,
		args: {
			model: argument(pixelCNN, () => false),
			options: options(
				{
					codes: argument([0], isTyped, [2], [-1], [0, 0]),
					keep: argument([1], isTyped, [1, 1]),
					count: whole(1, 1, 1e12),
					label: argument(undefined, () => false, 0),
					particles: whole(1, 1),
					...sampling,
				},
				{ codes: [0], keep: [1], count: 1 },
			),
		},
	},
	generateDigits: {
		call: digits.generateDigits,
		args: { count: whole(1, 0, 1e12), seed: whole(1), options: options({ size: whole(28, 8, 0, -1, 1e9) }) },
	},
};

function made(kind: new (...values: never[]) => unknown): Call["call"] {
	return (...values) => new kind(...values);
}

const dropout = { p: number(0.5, 0, 1), random: integer(counts) };

/** The constructor of every class of every entry that takes arguments. */
const constructors: Readonly<Record<string, Call>> = {
	Adam: {
		call: made(Adam),
		args: {
			parameters: argument([parameter], () => false, [x], [1], [promise]),
			options: options(adam),
		},
	},
	AdamW: {
		call: made(library.AdamW),
		args: {
			parameters: argument([parameter], () => false, [x], [1], [promise], [{ params: [x] }], [{ params: 1 }]),
			options: options(adam),
		},
	},
	SGD: {
		call: made(library.SGD),
		args: {
			parameters: argument([parameter], () => false, [x], [1], [promise], [{ params: [x] }], [{ params: 1 }]),
			options: options({
				lr: number(0.1, 0),
				momentum: number(0.5, 0, -1),
				dampening: number(0),
				nesterov: argument(false, (value) => typeof value === "boolean"),
				weightDecay: number(0, 0, -1),
			}),
		},
	},
	RMSprop: {
		call: made(library.RMSprop),
		args: {
			parameters: argument([parameter], () => false, [x], [1], [promise], [{ params: [x] }], [{ params: 1 }]),
			options: options({
				lr: number(0.1, 0),
				alpha: number(0.5, 0, 1),
				eps: number(1, 1e-9, 0),
				momentum: number(0.5, 0, -1),
				centered: argument(false, (value) => typeof value === "boolean"),
				weightDecay: number(0, 0, -1),
			}),
		},
	},
	ExponentialMovingAverage: {
		call: made(library.ExponentialMovingAverage),
		args: { module: argument(model, (value) => value === model), options: options({ decay: number(0.5, 0, 1) }) },
	},
	Conv2d: {
		call: made(Conv2d),
		args: {
			gpu: device_,
			inChannels: whole(1, 1),
			outChannels: whole(1, 1),
			kernelSize: { ...pair(3), wrong: [...pair(3).wrong, 0] },
			options: options({ ...layerOptions, ...drawing, paddingEnd: argument(1, Number.isInteger, [1, 2, 3]) }),
		},
	},
	ConvTranspose2d: {
		call: made(ConvTranspose2d),
		args: {
			gpu: device_,
			inChannels: whole(1, 1),
			outChannels: whole(1, 1),
			kernelSize: { ...pair(3), wrong: [...pair(3).wrong, 0] },
			options: options({ ...layerOptions, ...drawing, outputPadding: pair(0) }),
		},
	},
	Embedding: {
		call: made(Embedding),
		args: { gpu: device_, count: whole(2, 1), dimensions: whole(2, 1), options: options({ random: drawing.random }) },
	},
	Linear: {
		call: made(library.Linear),
		args: { gpu: device_, inFeatures: whole(2, 1), outFeatures: whole(2, 1), options: options(drawing) },
	},
	MultiheadAttention: {
		call: made(library.MultiheadAttention),
		args: { gpu: device_, embedDim: whole(2, 1), numHeads: whole(1, 1), options: options(drawing) },
	},
	Dropout: { call: made(library.Dropout), args: { options: options({ p: number(0.5, 0, 1) }) } },
	Flatten: { call: made(library.Flatten), args: { startAxis: optional(whole(1)), endAxis: optional(whole(-1)) } },
	GELU: { call: made(library.GELU), args: { options: options({ approximate: word("tanh") }) } },
	LeakyReLU: { call: made(library.LeakyReLU), args: { options: options({ negativeSlope: number(0.1) }) } },
	LayerNorm: {
		call: made(library.LayerNorm),
		args: {
			gpu: device_,
			normalizedShape: argument([2], (value) => Number.isInteger(value) && Number(value) > 0, [0], [1.5], ["1"]),
			options: options(affine),
		},
	},
	GroupNorm: {
		call: made(library.GroupNorm),
		args: { gpu: device_, groups: whole(1, 1, 3), channels: whole(2, 1), options: options(affine) },
	},
	BatchNorm2d: {
		call: made(library.BatchNorm2d),
		args: { gpu: device_, channels: whole(2, 1), options: options({ ...affine, momentum: number(0.1, 0, 2) }) },
	},
	MaxPool2d: {
		call: made(library.MaxPool2d),
		args: {
			kernelSize: { ...pair(2), wrong: [...pair(2).wrong, 0] },
			options: options({
				stride: optional({ ...pair(1), wrong: [...pair(1).wrong, 0] }),
				padding: optional(pair(0)),
				dilation: optional({ ...pair(1), wrong: [...pair(1).wrong, 0] }),
				ceilMode: optional(flag),
			}),
		},
	},
	AvgPool2d: {
		call: made(library.AvgPool2d),
		args: {
			kernelSize: { ...pair(2), wrong: [...pair(2).wrong, 0] },
			options: options({
				stride: optional({ ...pair(1), wrong: [...pair(1).wrong, 0] }),
				padding: optional(pair(0)),
				countIncludePad: optional(flag),
				ceilMode: optional(flag),
			}),
		},
	},
	Upsample: {
		call: made(library.Upsample),
		args: {
			options: {
				...options({}, { size: 2 }),
				options: { size: { ...pair(2), wrong: [...pair(2).wrong, 0] }, mode: word("bilinear") },
			},
		},
	},
	Random: { call: made(Random), args: { seed: whole(1) } },
	Sequential: {
		call: made(Sequential),
		args: { layers: argument([new ReLU()], () => false, [new ReLU(), model]) },
	},
	Tensor: {
		call: made(Tensor),
		args: {
			gpu: argument(gpu, (value) => value === gpu),
			memory: argument(undefined, (value) => typeof value === "object" && value !== null),
		},
		onlyWrong: true,
	},
	Parameter: {
		call: made(library.Parameter),
		args: { gpu: argument(gpu, (value) => value === gpu) },
		onlyWrong: true,
	},
	Encoder: {
		call: made(Encoder),
		args: {
			...layer,
			inChannels: optional(whole(1, 1)),
			latentDim: optional(whole(1, 1)),
			hidden: optional(whole(2, 1, 3)),
			residualLayers: optional(whole(0, 0)),
		},
	},
	Decoder: {
		call: made(Decoder),
		args: {
			...layer,
			outChannels: optional(whole(1, 1)),
			latentDim: optional(whole(1, 1)),
			hidden: optional(whole(2, 1, 3)),
			residualLayers: optional(whole(0, 0)),
		},
	},
	ResidualBlock: {
		call: made(ResidualBlock),
		args: { ...layer, channels: whole(2, 1, 3) },
	},
	VectorQuantizer: {
		call: made(VectorQuantizer),
		args: { gpu: device_, options: options(vectorQuantizerOptions), random: optional(source) },
	},
	VQVAE: {
		call: made(VQVAE),
		args: {
			gpu: device_,
			options: options({
				inChannels: whole(1, 1),
				...vectorQuantizerOptions,
				hiddenChannels: whole(2, 2, 3),
				residualLayers: { ...pair(0), wrong: pair(0).wrong },
				quantizer: argument(undefined, () => false),
				dataVariance: number(1, 0, 0),
				seed: whole(1),
			}),
		},
	},
	Trainer: {
		call: made(Trainer),
		args: {
			model: argument(model, (value) => value === model),
			options: options({
				...adam,
				capture: flag,
				beforeUpdate: argument(undefined, (value) => value === undefined || typeof value === "function"),
				average: argument(undefined, (value) => value === undefined),
			}),
		},
	},
	CodebookQuantizer: {
		call: made(CodebookQuantizer),
		args: { gpu: device_, options: options(codebookOptions) },
	},
	FiniteScalarQuantizer: {
		call: made(FiniteScalarQuantizer),
		args: { gpu: device_, levels: argument([2, 2], () => false, [2, 1], [2, "2"], [2 ** 16, 2 ** 16]) },
	},
	ResidualQuantizer: {
		call: made(ResidualQuantizer),
		args: { gpu: device_, options: options({ ...codebookOptions, levels: whole(1, 1) }) },
	},
	GatedPixelCNN: {
		call: made(GatedPixelCNN),
		args: {
			gpu: device_,
			options: options(
				{
					numEmbeddings: whole(2, 1),
					height: whole(1, 1),
					width: whole(1, 1),
					channels: whole(1, 1),
					layers: whole(1, 1),
					kernelSize: whole(3, 3, 4),
					numClasses: whole(0, 0),
					seed: whole(1),
				},
				{ numEmbeddings: 2, height: 1, width: 1 },
			),
		},
	},
	PriorTrainer: {
		call: made(PriorTrainer),
		args: {
			model: argument(pixelCNN, () => false),
			options: options(
				{
					...adam,
					steps: whole(9, 1),
					warmUp: number(0, 0),
					dropout: number(0, 0, 1),
					seed: whole(0, 0),
					capture: flag,
				},
				{ steps: 9 },
			),
		},
	},
};

const stateDict = {
	args: { dict: { ...dictionary({}), wrong: [...dictionary({}).wrong, { unheardOf: x }, { unheardOf: 1 }] } },
	onlyWrong: true,
};
const train = { args: { mode: optional(flag) }, says: "train", onlyWrong: true };
const cost = (name: string) => ({ args: { input: shape([1, 1, 4, 4]) }, says: `${name}.cost`, onlyWrong: true });

/** The methods of a layer; `by` is the operation, or the first layer, whose message it is. */
function layerMethods(of: library.Layer, by: string, input: string, first = of.constructor.name): Calls<library.Layer> {
	const forward = { args: { [input]: float(images) }, says: by, onlyWrong: true };
	return {
		forward: { call: of.forward.bind(of), ...forward },
		forwardRelu: { call: of.forwardRelu.bind(of), ...forward },
		cost: { call: of.cost.bind(of), ...cost(first) },
		train: { call: of.train.bind(of), ...train },
		loadStateDict: { call: of.loadStateDict.bind(of), ...stateDict },
	};
}

function quantizerMethods(of: vqvae.Quantizer, right: library.Tensor<"uint32">): Calls<vqvae.Quantizer> {
	return {
		quantize: { call: of.quantize.bind(of), args: { z: float(latents) } },
		encode: { call: of.encode.bind(of), args: { z: float(latents) } },
		lookup: { call: of.lookup.bind(of), args: { indices: integer(right) } },
		update: { call: of.update.bind(of), args: { z: float(latents), indices: integer(right) } },
		countCodes: {
			call: of.countCodes.bind(of),
			args: { indices: integer(right), counts: called("countCodes", integer(gpu.tensor(new Uint32Array(4)))) },
			says: "ountCodes",
		},
		cost: { call: of.cost.bind(of), ...cost(of.constructor.name) },
		train: { call: of.train.bind(of), ...train },
		loadStateDict: { call: of.loadStateDict.bind(of), ...stateDict },
	};
}

const gpuMethods: Calls<
	library.Gpu,
	"track" | "untrack" | "randomKey" | "isExternal" | "runEagerly" | "refuseInStep" | "countStep"
> = {
	tensor: {
		call: gpu.tensor.bind(gpu),
		args: {
			data: data([[1, 2]]),
			shape: optional({ ...shape([1, 2]), wrong: [...shape([]).wrong, [2, 2], [2, 1], [1e9, 1e9]] }),
			dtype: optional(argument("float32", (value) => value === "float32", "float16", "toString")),
		},
	},
	parameter: {
		call: gpu.parameter.bind(gpu),
		args: { data: data([1, 2]), shape: optional({ ...shape([2]), wrong: [...shape([]).wrong, [2, 2]] }) },
	},
	empty: {
		call: gpu.empty.bind(gpu),
		args: {
			shape: shape([2]),
			dtype: optional(argument("int32", (value) => value === "float32", "float16")),
			layout: optional(word("contiguous")),
		},
	},
	zeros: {
		call: gpu.zeros.bind(gpu),
		args: { shape: shape([2]), dtype: optional(argument("int32", (value) => value === "float32", "float16")) },
	},
	ones: {
		call: gpu.ones.bind(gpu),
		args: { shape: shape([2]), dtype: optional(argument("int32", (value) => value === "float32", "float16")) },
	},
	full: {
		call: gpu.full.bind(gpu),
		args: { shape: shape([2]), value: argument(1, (value) => typeof value === "number") },
	},
	arange: {
		call: gpu.arange.bind(gpu) as Call["call"],
		args: { start: number(0), end: optional(number(2, 0)), step: optional(number(1, 0, 0)) },
	},
	eye: { call: gpu.eye.bind(gpu), args: { rows: whole(2, 0), columns: optional(whole(2, 0)) } },
	rand: {
		call: gpu.rand.bind(gpu),
		args: { shape: shape([2]), options: options({ seed: optional(whole(1, 0, 2 ** 60)) }) },
	},
	randn: {
		call: gpu.randn.bind(gpu),
		args: { shape: shape([2]), options: options({ seed: optional(whole(1, 0, 2 ** 60)) }) },
	},
	manualSeed: { call: gpu.manualSeed.bind(gpu), args: { seed: whole(0) } },
	constant: {
		call: gpu.constant.bind(gpu),
		args: { value: argument(1, (value) => typeof value === "number"), shape: optional(shape([1])) },
	},
	upload: {
		call: gpu.upload.bind(gpu),
		args: {
			tensor: tensor(gpu.tensor([1])),
			data: argument([1], (value) => typeof value === "number" || isTyped(value)),
		},
	},
	feed: {
		call: gpu.feed.bind(gpu),
		args: {
			tensor: tensor(gpu.tensor([1])),
			source: argument(
				() => [1],
				(value) => typeof value === "function",
			),
		},
	},
	clone: { call: gpu.clone.bind(gpu), args: { tensor: tensor(x) } },
	copy: {
		call: gpu.copy.bind(gpu),
		args: { from: argument(x, (value) => value === x), to: argument(x, (value) => value === x) },
	},
	readAll: {
		call: gpu.readAll.bind(gpu),
		args: { tensors: argument([x], (value) => Array.isArray(value) && value.length === 0, [gone], [1]) },
	},
	scope: { call: gpu.scope.bind(gpu), args: { body: body(() => 1) } },
	capture: { call: gpu.capture.bind(gpu), args: { step: body(() => 1) } },
	prepare: { call: gpu.prepare.bind(gpu), args: { step: body(() => 1) } },
	throttle: { call: gpu.throttle.bind(gpu), args: { batches: optional(whole(8, 1)) } },
	keep: { call: gpu.keep.bind(gpu), args: { tensor: tensor(x) } },
	has: { call: gpu.has.bind(gpu), args: { feature: text } },
	allocate: { call: gpu.allocate.bind(gpu), args: { bytes: whole(4, 1) } },
	write: {
		call: gpu.write.bind(gpu),
		args: {
			storage: argument(counts.memory(), () => false),
			data: argument(Uint32Array.of(0), ArrayBuffer.isView),
		},
	},
	copyStorage: {
		call: gpu.copyStorage.bind(gpu),
		args: { from: argument(counts.memory(), () => false), to: argument(counts.memory(), () => false) },
	},
	uniform: {
		call: gpu.uniform.bind(gpu),
		args: { words: argument(Uint32Array.of(1), (value) => value instanceof Float32Array) },
	},
	launch: {
		call: gpu.launch.bind(gpu),
		onlyWrong: true,
		args: {
			kernel: argument({ name: "k.wgsl", source: "" }, () => false, { name: "k" }),
			launch: called(
				"",
				options(
					{
						constants: argument(
							{},
							(value) => typeof value === "object" && value !== null,
							{ A: "1" },
							{ A: Number.NaN },
						),
						bindings: argument([], (value) => Array.isArray(value) && value.length === 0, [x], [1]),
						uniforms: argument({}, (value) => typeof value === "object" && value !== null),
						workgroups: whole(1, 0),
						flops: argument(0, (value) => typeof value === "number" && value >= 0),
					},
					{ bindings: [], workgroups: 0 },
				),
			),
		},
	},
	chooseVariant: {
		call: gpu.chooseVariant.bind(gpu),
		args: {
			key: text,
			variants: argument(["portable"], (value) => Array.isArray(value) && value.length > 0),
			compute: body(() => 1),
		},
	},
	read: {
		call: gpu.read.bind(gpu),
		args: { storages: argument([counts.memory()], (value) => Array.isArray(value) && value.length === 0, [x]) },
	},
	time: { call: gpu.time.bind(gpu), args: { launches: body(() => undefined) } },
};

const average = new library.ExponentialMovingAverage(words);
const { forward, encode, decode, reconstruct, prepare } = model;
const pictures = (name: string) => ({ args: { images: float(images) }, says: `VQVAE.${name}`, onlyWrong: true });

/** The methods of every class of every entry; which ones there are, the compiler checks. */
const methods: Readonly<Record<string, Readonly<Record<string, Call>>>> = {
	Gpu: gpuMethods,
	Tensor: {
		share: { call: x.share.bind(x), args: { shape: optional(fitting([4])) }, says: "tensor.share" },
		memory: { call: x.memory.bind(x), args: { layout: optional(word("contiguous")) }, says: "tensor.memory" },
	} satisfies Calls<library.Tensor>,
	Parameter: {
		share: { call: parameter.share.bind(parameter), args: { shape: optional(fitting([1, 2])) }, says: "tensor.share" },
		memory: {
			call: parameter.memory.bind(parameter),
			args: { layout: optional(word("contiguous")) },
			says: "tensor.memory",
		},
		setGrad: {
			call: parameter.setGrad.bind(parameter),
			args: { gradient: argument(gpu.tensor([1, 2]), (value) => value === parameter) },
			says: "parameter.setGrad",
		},
	} satisfies Calls<library.Parameter, "exchangeGrad">,
	...Object.fromEntries(
		Object.entries({
			Adam: new Adam([parameter]),
			AdamW: new library.AdamW([parameter]),
			SGD: new library.SGD([parameter]),
			RMSprop: new library.RMSprop([parameter]),
		}).map(([name, optimizer]) => [
			name,
			{ loadStateDict: { call: optimizer.loadStateDict.bind(optimizer), ...stateDict } } satisfies Calls<library.Adam>,
		]),
	),
	ExponentialMovingAverage: {
		loadStateDict: { call: average.loadStateDict.bind(average), ...stateDict },
	} satisfies Calls<library.ExponentialMovingAverage>,
	Random: {
		uniform: { call: random.uniform.bind(random), args: { low: optional(number(0)), high: optional(number(1)) } },
		integer: { call: random.integer.bind(random), args: { count: whole(2, 1, 2 ** 33) } },
		normal: {
			call: random.normal.bind(random),
			args: { mean: optional(number(0)), standardDeviation: optional(number(1, 0)) },
		},
		permutation: { call: random.permutation.bind(random), args: { count: whole(2, 0, 2 ** 33) } },
	} satisfies Calls<library.Random>,
	Conv2d: layerMethods(layers.Conv2d, "conv2d", "input"),
	ConvTranspose2d: layerMethods(layers.ConvTranspose2d, "convTranspose2d", "input"),
	ReLU: layerMethods(layers.ReLU, "relu", "x"),
	Sequential: layerMethods(layers.Sequential, "relu", "x", "ReLU"),
	Encoder: layerMethods(layers.Encoder, "conv2d", "input", "Conv2d"),
	Decoder: layerMethods(layers.Decoder, "convTranspose2d", "input", "ConvTranspose2d"),
	ResidualBlock: layerMethods(layers.ResidualBlock, "relu", "x", "ReLU"),
	Linear: layerMethods(new library.Linear(gpu, 4, 2), "linear", "x"),
	Sigmoid: layerMethods(new library.Sigmoid(), "sigmoid", "x"),
	Tanh: layerMethods(new library.Tanh(), "tanh", "x"),
	SiLU: layerMethods(new library.SiLU(), "silu", "x"),
	GELU: layerMethods(new library.GELU(), "gelu", "x"),
	LeakyReLU: layerMethods(new library.LeakyReLU(), "leakyRelu", "x"),
	MultiheadAttention: {
		...layerMethods(heads, "MultiheadAttention", "query"),
		forward: {
			call: heads.forward.bind(heads),
			args: {
				query: float(sequence),
				key: optional(float(sequence)),
				value: optional(float(sequence)),
				options: options({
					causal: flag,
					mask: argument(gpu.zeros([2, 2]), (value) => isTensor(value)),
				}),
			},
			says: "MultiheadAttention",
		},
	},
	Dropout: layerMethods(new library.Dropout(), "dropout", "x"),
	Flatten: layerMethods(new library.Flatten(), "flatten", "x"),
	LayerNorm: layerMethods(new library.LayerNorm(gpu, 4), "layerNorm", "x"),
	GroupNorm: layerMethods(new library.GroupNorm(gpu, 1, 1), "groupNorm", "x"),
	BatchNorm2d: layerMethods(new library.BatchNorm2d(gpu, 1), "batchNorm2d", "x"),
	MaxPool2d: layerMethods(new library.MaxPool2d(2), "maxPool2d", "x"),
	AvgPool2d: layerMethods(new library.AvgPool2d(2), "avgPool2d", "x"),
	Upsample: layerMethods(new library.Upsample({ scaleFactor: 2 }), "interpolate", "x"),
	Embedding: {
		forward: {
			call: words.forward.bind(words),
			args: { indices: integer(indices), options: options({ layout: word("last") }) },
			says: "embedding",
		},
		cost: { call: words.cost.bind(words), ...cost("Embedding") },
		train: { call: words.train.bind(words), ...train },
		loadStateDict: { call: words.loadStateDict.bind(words), ...stateDict },
	} satisfies Calls<library.Embedding>,
	VectorQuantizer: quantizerMethods(paper, codes) satisfies Calls<vqvae.VectorQuantizer>,
	CodebookQuantizer: {
		...quantizerMethods(codebook, codes),
		moveToMeans: { call: codebook.moveToMeans.bind(codebook), args: { z: float(latents) } },
		setCodes: { call: codebook.setCodes.bind(codebook), args: { codes: float(x) } },
	} satisfies Calls<quantizers.CodebookQuantizer>,
	ResidualQuantizer: {
		...quantizerMethods(residual, pairs),
		initialise: {
			call: residual.initialise.bind(residual),
			args: {
				method: word("kmeans"),
				latents: float(latents),
				options: options({ iterations: whole(1, 0), seed: whole(1) }),
			},
			says: "initialiseCodebook",
		},
	} satisfies Calls<quantizers.ResidualQuantizer>,
	FiniteScalarQuantizer: quantizerMethods(finite, codes) satisfies Calls<quantizers.FiniteScalarQuantizer>,
	VQVAE: {
		forward: { call: forward.bind(model), ...pictures("forward") },
		encode: { call: encode.bind(model), ...pictures("encode") },
		reconstruct: { call: reconstruct.bind(model), ...pictures("reconstruct") },
		decode: { call: decode.bind(model), args: { codes: integer(codes) }, onlyWrong: true },
		prepare: { call: prepare.bind(model), args: { shape: shape([1, 1, 4, 4]) }, onlyWrong: true },
		cost: { call: model.cost.bind(model), args: { input: called("shape", shape([1, 1, 4, 4])) } },
		train: { call: model.train.bind(model), ...train },
		loadStateDict: { call: model.loadStateDict.bind(model), ...stateDict },
	} satisfies Calls<vqvae.VQVAE>,
	Trainer: {
		prepare: { call: trainer.prepare.bind(trainer), args: { shape: shape([1, 1, 4, 4]) }, onlyWrong: true },
		step: {
			call: trainer.step.bind(trainer),
			args: {
				batch: argument(images, (value) => value === Tensor || (isTensor(value) && value !== indices)),
				options: options({ keepLosses: flag }),
			},
			onlyWrong: true,
		},
		readLosses: {
			call: trainer.readLosses.bind(trainer),
			args: { steps: argument([], (value) => Array.isArray(value) && value.length === 0, [1], [{}]) },
		},
		evaluate: {
			call: trainer.evaluate.bind(trainer),
			args: { batches: called("batch", batches([() => images])) },
			onlyWrong: true,
		},
		loadStateDict: { call: trainer.loadStateDict.bind(trainer), ...stateDict },
	} satisfies Calls<vqvae.Trainer>,
	GatedPixelCNN: {
		forward: {
			call: pixelCNN.forward.bind(pixelCNN),
			args: {
				codes: integer(codes),
				labels: argument(undefined, (value) => value === undefined),
				dropoutOptions: called("", options(dropout, { p: 0.5, random: counts })),
			},
			onlyWrong: true,
		},
		cost: { call: pixelCNN.cost.bind(pixelCNN), args: { input: called("codes", shape([1, 1, 1])) } },
		train: { call: pixelCNN.train.bind(pixelCNN), ...train },
		loadStateDict: { call: pixelCNN.loadStateDict.bind(pixelCNN), ...stateDict },
	} satisfies Calls<prior.GatedPixelCNN, "check">,
	PriorTrainer: {
		prepare: { call: priorTrainer.prepare.bind(priorTrainer), args: { shape: shape([1, 1, 1]) }, onlyWrong: true },
		step: {
			call: priorTrainer.step.bind(priorTrainer),
			args: {
				batch: called(
					"",
					argument({ codes }, () => false, { codes: x }, { codes: 1 }, { codes, labels: codes }, { codes, labels: 1 }),
				),
			},
			onlyWrong: true,
		},
		readLosses: {
			call: priorTrainer.readLosses.bind(priorTrainer),
			args: { losses: argument([], (value) => Array.isArray(value) && value.length === 0, [1], [x]) },
		},
		evaluate: {
			call: priorTrainer.evaluate.bind(priorTrainer),
			args: { batches: called("batch", batches([() => ({ codes })])) },
			onlyWrong: true,
		},
		loadStateDict: { call: priorTrainer.loadStateDict.bind(priorTrainer), ...stateDict },
	} satisfies Calls<prior.PriorTrainer>,
};

const abstract = ["Layer", "Module", "Quantizer"];
const lowerCase = ["Gpu", "Random"];
const calls: Readonly<Record<string, Call>> = {
	...functions,
	...constructors,
	...Object.fromEntries(
		Object.entries(methods).flatMap(([of, calls]) =>
			Object.entries(calls).map(([name, call]): [string, Call] => {
				const says = `${lowerCase.includes(of) ? of.toLowerCase() : of}.${name}`;
				return [`${of}.${name}`, { says, ...call }];
			}),
		),
	),
};

const test = suite("wrong calls");

/** What a call throws, or rejects with; nothing of what it makes is left. */
async function thrownBy(call: Call["call"], given: readonly unknown[]): Promise<unknown> {
	let result: unknown;
	try {
		gpu.scope(() => {
			result = call(...(given as never[]));
		});
		result = await result;
	} catch (error) {
		return error;
	}
	if (typeof result === "object" && result !== null && result !== x) {
		if ("dispose" in result && typeof result.dispose === "function") result.dispose();
		if ("free" in result && typeof result.free === "function") result.free();
	}
	return undefined;
}

/** The argument as it is right, with all its options. */
function rightOf({ right, options }: Argument): unknown {
	const all = Object.entries(options).flatMap(([name, { right }]) => (right === undefined ? [] : [[name, right]]));
	return all.length === 0 ? right : { ...(right as object), ...Object.fromEntries(all) };
}

/** Each call with one thing wrong, and what it is. */
function* wrongCalls({ args }: Call): Generator<{ given: unknown[]; what: string; value: unknown }> {
	const right = Object.values(args).map(rightOf);
	for (const [i, [name, argument]] of Object.entries(args).entries()) {
		const what = argument.called ?? name;
		for (const value of argument.wrong) yield { given: right.with(i, value), what, value };
		const needed = argument.right as Readonly<Record<string, unknown>>;
		for (const [option, { wrong }] of Object.entries(argument.options))
			for (const value of wrong)
				if (value !== undefined || option in needed)
					yield { given: right.with(i, { ...needed, [option]: value }), what: option, value };
	}
}

for (const [name, call] of Object.entries(calls))
	test(name, async () => {
		const { says = name, args } = call;
		const mistakes: string[] = [];
		if (call.onlyWrong !== true) {
			const thrown = await thrownBy(call.call, Object.values(args).map(rightOf));
			if (thrown !== undefined) mistakes.push(`with what is right: ${thrown}`);
		}
		const before = gpu.memory().buffers;
		for (const { given, what, value } of wrongCalls(call)) {
			const thrown = await thrownBy(call.call, given);
			const fits = thrown instanceof TesseraError && thrown.message.includes(says) && thrown.message.includes(what);
			if (!fits) mistakes.push(`${what} = ${formatValue(value)}: ${thrown ?? "nothing was thrown"}`);
		}
		assert.equal(mistakes, []);
		assert.is(gpu.memory().buffers, before, "nothing is left of a call that failed");
	});

test("what can be set is checked", () => {
	const optimizer = new Adam([parameter]);
	for (const lr of number(0, 0).wrong) {
		assert.throws(() => {
			optimizer.lr = lr as number;
		}, /^Adam: lr must be a finite number of at least 0, but is/);
		assert.is(optimizer.lr, 1e-3);
	}
	for (const value of flag.wrong)
		assert.throws(() => {
			x.requiresGrad = value as boolean;
		}, /^Tensor: requiresGrad must be true or false, but is/);
	optimizer.dispose();
});

test("messages say what was given, what is accepted and what to do", async () => {
	const wrong = (call: (...values: never[]) => unknown, ...given: readonly unknown[]) => thrownBy(call, given);
	const { add, backward, conv2d, mseLoss, openDevice, permute, relu, reshape } = library;
	const messages: readonly [Promise<unknown>, RegExp][] = [
		[wrong(add, x, "1"), /^add: b must be a tensor or a number, but is "1"\.$/],
		[wrong(relu, 1), /^relu: x must be a tensor, but is 1: make one with gpu\.tensor\(data\)\.$/],
		[wrong(mseLoss, x, promise), /^mseLoss: b must be a tensor, but is Promise: await it first\.$/],
		[wrong(mseLoss, x, gone), /^mseLoss: b is Tensor float32 \[1\], disposed of\. .* gpu\.scope/],
		[wrong(backward, 0.5), /^backward: loss must be a tensor, but is 0\.5: pass the loss itself, not what loss\.item/],
		[
			wrong(gpu.tensor.bind(gpu), [1], 2),
			/^gpu\.tensor: shape must be an array of lengths such as \[2, 3\], but is 2\.$/,
		],
		[
			wrong(gpu.tensor.bind(gpu), [1], [1], "float16"),
			/dtype must be "float32", "int32" or "uint32", but is "float16"/,
		],
		[wrong(gpu.tensor.bind(gpu), [[1], [2, 3]]), /^gpu\.tensor: data is ragged: data\[1\] has 2 elements/],
		[wrong(gpu.tensor.bind(gpu), [1, "2"]), /^gpu\.tensor: data\[1\] must be a number, but is "2"\.$/],
		[wrong(reshape, x, 4, 1), /^reshape: shape must be .*, but is 4: write reshape\(x, \[/],
		[wrong(permute, x, 1, 0), /^permute: order must be .*, but is 1: write permute\(x, \[1, 0\]\)\.$/],
		[wrong(conv2d, images, weight, { strides: 2 }), /^conv2d: there is no option "strides"; did you mean "stride"\?/],
		[wrong(conv2d, images, weight, x), /^conv2d: options must be .*, but is Tensor float32 \[2, 2\]\.$/],
		[
			wrong(made(Adam), parameter),
			/^Adam: parameters must be .* write new Adam\(model\.parameters\(\)\) or new Adam\(\[/,
		],
		[wrong(made(Adam), [x]), /^Adam: parameters\[0\] must be a parameter, but is Tensor .* gpu\.parameter\(/],
		[
			wrong(made(Adam), [parameter], { learningRate: 1 }),
			/^Adam: there is no option "learningRate"\. .* lr, betas, eps, weightDecay\.$/,
		],
		[
			wrong(made(Adam), [parameter], { lr: "0.1" }),
			/^Adam: lr must be a finite number of at least 0, but is "0\.1"\.$/,
		],
		[
			wrong(made(Conv2d), random, 1, 32, 3),
			/^Conv2d: gpu must be .*: write new Conv2d\(gpu, inChannels, outChannels, kernelSize\)\.$/,
		],
		[wrong(made(VQVAE), gpu, { inChannel: 1 }), /^VQVAE: there is no option "inChannel"; did you mean "inChannels"\?/],
		[wrong(openDevice, { powerPreferance: "x" }), /^openDevice: .* did you mean "powerPreference"\?/],
	];
	for (const [thrown, message] of messages) assert.match(((await thrown) as Error).message, message);
});

test("every function and class of every entry is in the table", () => {
	const entries = { library, vqvae, quantizers, prior, digits };
	for (const [entry, exported] of Object.entries(entries))
		for (const [name, value] of Object.entries(exported)) {
			if (typeof value !== "function" || value === TesseraError || value.prototype instanceof TesseraError) continue;
			const isClass = /^class\b/.test(Function.prototype.toString.call(value));
			const tables = isClass ? [methods, ...(value.length > 0 ? [constructors] : [])] : [functions];
			if (abstract.includes(name)) continue;
			for (const table of tables) assert.ok(Object.hasOwn(table, name), `${entry}: ${name} has no entry in the table`);
		}
	const known = new Set(Object.values(entries).flatMap(Object.keys));
	for (const name of [...Object.keys(functions), ...Object.keys(constructors), ...abstract])
		assert.ok(known.has(name), `${name} is not exported`);
});

test.run();
