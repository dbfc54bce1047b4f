// Prints hashes of what trainings, samples and operations compute, and of what they launch: a change of structure must leave
// every line as it is.
//   node build/test/node/fingerprint.js [--launches]   --launches prints each launch as well
// TESSERA_ADAPTER selects the adapter, as for the tests.
import { createHash } from "node:crypto";
import {
	add,
	backward,
	conv2d,
	convTranspose2d,
	countCodes,
	crossEntropy,
	embedding,
	type Gpu,
	logSoftmax,
	matmul,
	mean,
	mul,
	nearestCode,
	openDevice,
	permute,
	perplexity,
	Random,
	relu,
	reshape,
	softmax,
	sub,
	sum,
	type Tensor,
} from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import { completePrior, GatedPixelCNN, PriorTrainer, samplePrior } from "tessera-gpu/prior";
import {
	CodebookQuantizer,
	FiniteScalarQuantizer,
	initialiseCodebook,
	ResidualQuantizer,
} from "tessera-gpu/quantizers";
import { type Quantizer, Trainer, VQVAE } from "tessera-gpu/vqvae";

const printsLaunches = process.argv.includes("--launches");

const variants = ["portable", "tiled", "blocked"] as const;

/** Images of a batch, the last of which is odd in each sense: fewer, and no multiple of a block or a tile. */
const batchSizes = [18, 18, 18, 18, 5, 18, 2];

/** What a device has dispatched, as "kernel {constants} x×y", in order. */
class LaunchList {
	private launches: string[] = [];

	constructor(gpu: Gpu) {
		const names = new Map<GPUComputePipeline, string>();
		const { device } = gpu;
		const nameOf = ({ label, compute }: GPUComputePipelineDescriptor) =>
			`${label} ${JSON.stringify(compute.constants ?? {})}`;
		const create = device.createComputePipeline.bind(device);
		device.createComputePipeline = (descriptor) => {
			const pipeline = create(descriptor);
			names.set(pipeline, nameOf(descriptor));
			return pipeline;
		};
		const createAsync = device.createComputePipelineAsync.bind(device);
		device.createComputePipelineAsync = async (descriptor) => {
			const pipeline = await createAsync(descriptor);
			names.set(pipeline, nameOf(descriptor));
			return pipeline;
		};
		const createEncoder = device.createCommandEncoder.bind(device);
		device.createCommandEncoder = (descriptor) => {
			const encoder = createEncoder(descriptor);
			const begin = encoder.beginComputePass.bind(encoder);
			encoder.beginComputePass = (description) => {
				const pass = begin(description);
				this.watch(pass, names);
				return pass;
			};
			const copy = encoder.copyBufferToBuffer.bind(encoder) as (...given: unknown[]) => undefined;
			encoder.copyBufferToBuffer = (...given: unknown[]) => {
				this.launches.push(`copy ${String(given.at(-1))} bytes`);
				return copy(...given);
			};
			return encoder;
		};
	}

	/** The launches since the last call. */
	take(): string[] {
		const { launches } = this;
		this.launches = [];
		return launches;
	}

	private watch(pass: GPUComputePassEncoder, names: ReadonlyMap<GPUComputePipeline, string>): void {
		let current = "";
		const setPipeline = pass.setPipeline.bind(pass);
		pass.setPipeline = (pipeline) => {
			current = names.get(pipeline) ?? "a pipeline of unknown origin";
			return setPipeline(pipeline);
		};
		const dispatch = pass.dispatchWorkgroups.bind(pass);
		pass.dispatchWorkgroups = (x, y = 1, z = 1) => {
			this.launches.push(`${current} ${x}×${y}`);
			return dispatch(x, y, z);
		};
	}
}

function hash(...parts: readonly (string | ArrayBufferView)[]): string {
	const sha = createHash("sha256");
	for (const part of parts)
		sha.update(
			typeof part === "string" ? part : Buffer.from(part.buffer as ArrayBuffer, part.byteOffset, part.byteLength),
		);
	return sha.digest("hex");
}

/** What one case has computed and launched. */
class Fingerprint {
	constructor(
		readonly gpu: Gpu,
		private readonly launches: LaunchList,
		private readonly name: string,
	) {
		launches.take();
	}

	line(what: string, ...parts: readonly (string | ArrayBufferView)[]): void {
		console.log(`${this.name}  ${what}  ${hash(...parts)}`);
	}

	/** The launches since the last call, named. */
	async launched(what: string): Promise<void> {
		await this.gpu.finish();
		const launches = this.launches.take();
		this.line(`${what}: ${launches.length} launches`, launches.join("\n"));
		if (printsLaunches) for (const launch of launches) console.log(`    ${launch}`);
	}

	async tensors(what: string, named: Iterable<readonly [string, Tensor | Tensor<"uint32">]>): Promise<void> {
		const parts: (string | ArrayBufferView)[] = [];
		for (const [name, tensor] of named) parts.push(`${name} ${tensor.shape.join()}`, await tensor.data());
		this.launches.take();
		this.line(what, ...parts);
	}

	async state(what: string, model: VQVAE<Quantizer> | GatedPixelCNN): Promise<void> {
		await this.tensors(what, Object.entries(model.stateDict()) as [string, Tensor][]);
	}
}

/** The quantizers; the one without an entry is the paper's. */
const quantizers: Record<string, ((gpu: Gpu) => Quantizer) | undefined> = {
	paper: undefined,
	ema: (gpu) => codebook(gpu, {}),
	loss: (gpu) => codebook(gpu, { learning: "loss", deadBelow: 0.3 }),
	cosine: (gpu) => codebook(gpu, { similarity: "cosine" }),
	rotation: (gpu) => codebook(gpu, { gradient: "rotation" }),
	residual: (gpu) => new ResidualQuantizer(gpu, { embeddingDim: 6, numEmbeddings: 20, levels: 3, seed: 4 }),
	fsq: (gpu) => new FiniteScalarQuantizer(gpu, [8, 4, 4]),
};

function codebook(gpu: Gpu, options: ConstructorParameters<typeof CodebookQuantizer>[1]): CodebookQuantizer {
	return new CodebookQuantizer(gpu, { embeddingDim: 10, numEmbeddings: 37, seed: 4, ...options });
}

const images = generateDigits(64, 5);
const { height, width } = images;
const pixels = Float32Array.from(images.pixels, (byte) => byte / 255 - 0.5);

async function trainModel(print: Fingerprint, kind: string, capture: boolean): Promise<VQVAE<Quantizer>> {
	const { gpu } = print;
	const quantizer = quantizers[kind]?.(gpu);
	const own = quantizer === undefined ? { embeddingDim: 10, numEmbeddings: 37 } : {};
	const model = new VQVAE<Quantizer>(gpu, {
		inChannels: 1,
		hiddenChannels: 24,
		residualLayers: [1, 0],
		dataVariance: 0.1,
		seed: 3,
		quantizer,
		...own,
	});
	const batch = (count: number, first: number) =>
		gpu.tensor(pixels.slice(first * height * width, (first + count) * height * width), [count, 1, height, width]);
	if (quantizer instanceof CodebookQuantizer) {
		const latents = gpu.scope(() => model.encoder.forward(batch(40, 0)));
		initialiseCodebook(quantizer, "kmeans", latents, { seed: 1, iterations: 3 });
		latents.dispose();
	}
	await print.launched("initialised");
	const trainer = new Trainer(model, { lr: 2e-3, capture });
	if (capture) await trainer.prepare([18, 1, height, width]);
	for (const [step, count] of batchSizes.entries()) {
		const losses = trainer.step(() => batch(count, (7 * step) % 40));
		await print.launched(`step ${step} of ${count}`);
		await print.tensors(`step ${step} of ${count}: losses`, Object.entries(losses));
	}
	const { nmse, perplexity, codesInUse } = await trainer.evaluate([18, 13].map((count) => () => batch(count, 20)));
	await print.launched(`evaluation`);
	print.line("evaluation: result", `${nmse} ${perplexity} ${codesInUse}`);
	await print.state("state dict", model);
	const x = batch(7, 50);
	const codes = model.encode(x);
	const rebuilt = model.decode(codes);
	await print.launched("encode, decode");
	await print.tensors("codes, reconstruction", [
		["codes", codes],
		["images", rebuilt],
	]);
	for (const tensor of [x, codes, rebuilt]) tensor.dispose();
	trainer.dispose();
	return model;
}

async function trainPrior(print: Fingerprint, capture: boolean, numClasses: number): Promise<void> {
	const { gpu } = print;
	const model = new GatedPixelCNN(gpu, {
		numEmbeddings: 19,
		height: 5,
		width: 7,
		channels: 12,
		layers: 2,
		numClasses,
		seed: 2,
	});
	const trainer = new PriorTrainer(model, { steps: batchSizes.length, dropout: 0.2, seed: 9, lr: 3e-3, capture });
	const random = new Random(8);
	const batch = (count: number) => ({
		codes: gpu.tensor(
			Uint32Array.from({ length: count * 35 }, () => Math.floor(random.uniform(0, 19))),
			[count, 5, 7],
		),
		labels:
			numClasses === 0
				? undefined
				: gpu.tensor(
						Uint32Array.from({ length: count }, (_, i) => i % numClasses),
						[count],
					),
	});
	for (const [step, count] of batchSizes.entries()) {
		const { codes, labels } = batch(count);
		const loss = trainer.step({ codes, labels });
		await print.launched(`step ${step} of ${count}`);
		await print.tensors(`step ${step} of ${count}: loss`, [["loss", loss]]);
		for (const tensor of [loss, codes, labels]) tensor?.dispose();
	}
	const { codes, labels } = batch(9);
	print.line("evaluation", String(await trainer.evaluate([() => ({ codes: codes.share(), labels: labels?.share() })])));
	await print.launched("evaluation");
	await print.state("state dict", model);
	const drawn = samplePrior(model, {
		count: 5,
		seed: 3,
		temperature: 0.8,
		topK: 7,
		labels: numClasses === 0 ? undefined : [0, 1, 2, 1, 0],
	});
	await print.launched("sampling");
	await print.tensors("samples", [["codes", drawn]]);
	const keep = Uint32Array.from({ length: 35 }, (_, i) => (i % 3 === 0 ? 1 : 0));
	const given = Uint32Array.from({ length: 35 }, (_, i) => i % 19);
	const completed = await completePrior(model, { codes: given, keep, count: 2, particles: 6, seed: 5 });
	await print.launched("completing");
	print.line("completions", completed);
	for (const tensor of [codes, labels, drawn]) tensor?.dispose();
	trainer.dispose();
	model.dispose();
}

/** Operations and their gradients on shapes that no tile divides. */
async function operations(print: Fingerprint): Promise<void> {
	const { gpu } = print;
	const random = new Random(6);
	const parameter = (...shape: number[]) =>
		gpu.parameter(
			Float32Array.from({ length: shape.reduce((product, length) => product * length, 1) }, () => random.normal()),
			shape,
		);
	const cases: Record<string, [Tensor[], (...inputs: Tensor[]) => Tensor]> = {
		conv2d: [
			[parameter(7, 5, 11, 13), parameter(9, 5, 3, 2), parameter(9)],
			(x, w, bias) =>
				conv2d(relu(x), w, { bias, stride: [2, 1], padding: [1, 2], dilation: [1, 2], activation: "relu" }),
		],
		"conv2d, few outputs": [
			[parameter(17, 6, 8, 9), parameter(1, 6, 3, 3), parameter(1)],
			(x, w, bias) => conv2d(x, w, { bias, padding: 1, paddingEnd: [0, 1] }),
		],
		"conv2d, groups": [
			[parameter(6, 6, 7, 7), parameter(12, 2, 3, 3)],
			(x, w) => conv2d(x, w, { groups: 3, stride: 2 }),
		],
		convTranspose2d: [
			[parameter(5, 6, 5, 7), parameter(6, 11, 4, 3), parameter(11)],
			(x, w, bias) => convTranspose2d(x, w, { bias, stride: [2, 3], padding: 1, outputPadding: [1, 2] }),
		],
		"convTranspose2d, one output": [
			[parameter(18, 7, 6, 5), parameter(7, 1, 3, 3)],
			(x, w) => relu(convTranspose2d(x, w, { stride: 2, padding: 1, outputPadding: 1 })),
		],
		"convTranspose2d, groups": [
			[parameter(4, 4, 5, 5), parameter(4, 3, 3, 3)],
			(x, w) => convTranspose2d(x, w, { groups: 2, stride: 2, dilation: 2 }),
		],
		matmul: [[parameter(33, 17), parameter(33, 29)], (a, b) => matmul(a, b, { transposeA: true })],
		arithmetic: [[parameter(3, 5, 7), parameter(5, 1), parameter(7)], (a, b, c) => mul(sub(add(a, b), c), c)],
		reductions: [[parameter(4, 37, 6)], (x) => add(mean(x, 1), sum(x))],
		softmax: [[parameter(3, 41, 2)], (x) => mul(softmax(x, 1), logSoftmax(x, 0))],
		permute: [[parameter(2, 3, 5, 7)], (x) => reshape(permute(x, [3, 1, 0, 2]), [21, 10])],
		embedding: [[parameter(11, 3)], (weight) => embedding(gpu.tensor(Uint32Array.of(3, 3, 10, 0, 12)), weight)],
		crossEntropy: [[parameter(6, 13)], (logits) => crossEntropy(logits, gpu.tensor(Uint32Array.of(0, 12, 5, 5, 1, 7)))],
	};
	for (const [name, [inputs, compute]] of Object.entries(cases)) {
		const y = gpu.scope(() => {
			const y = compute(...inputs);
			backward(sum(mul(y, y)));
			return y;
		});
		await print.launched(name);
		const gradients = inputs.map((input, i) => [`${i}`, (input as ReturnType<typeof parameter>).grad] as const);
		await print.tensors(`${name}: output, gradients`, [["y", y], ...gradients]);
		for (const tensor of [y, ...inputs]) tensor.dispose();
	}
	for (const [rows, codes, dimensions] of [
		[1, 1, 1],
		[1000, 37, 10],
		[257, 129, 64],
	]) {
		const z = parameter(rows, dimensions);
		const weight = parameter(codes, dimensions);
		const indices = nearestCode(z, weight);
		const counts = gpu.tensor(new Uint32Array(codes));
		countCodes(indices, counts);
		const use = perplexity(indices, codes);
		await print.launched(`nearestCode ${rows} ${codes} ${dimensions}`);
		await print.tensors(`nearestCode ${rows} ${codes} ${dimensions}: indices`, [
			["indices", indices],
			["counts", counts],
			["perplexity", use],
		]);
		for (const tensor of [z, weight, indices, counts, use]) tensor.dispose();
	}
}

for (const variant of variants) {
	const gpu = await openDevice({ variant, announce: false });
	const launches = new LaunchList(gpu);
	const start = (name: string) => new Fingerprint(gpu, launches, `${variant}, ${name}`);
	await operations(start("operations"));
	for (const capture of [false, true]) {
		const mode = capture ? "captured" : "eager";
		for (const kind of Object.keys(quantizers)) (await trainModel(start(`${kind}, ${mode}`), kind, capture)).dispose();
		for (const numClasses of [0, 3])
			await trainPrior(start(`prior of ${numClasses} classes, ${mode}`), capture, numClasses);
	}
	gpu.dispose();
}
