import {
	type AnyTensor,
	clipGradNorm,
	ExponentialMovingAverage,
	type Gpu,
	loadSafetensors,
	openDevice,
	Random,
	StateDictError,
	saveSafetensors,
} from "tessera-gpu";
import { GatedPixelCNN, PriorTrainer } from "tessera-gpu/prior";
import { CodebookQuantizer, FiniteScalarQuantizer, ResidualQuantizer } from "tessera-gpu/quantizers";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite<{ gpu: Gpu }>("continuing a training");

test.before(async (context) => {
	context.gpu = await openDevice();
});
test.after(({ gpu }) => gpu.dispose());

const batchSize = 4;

function batch(gpu: Gpu, step: number) {
	const random = new Random(step);
	return gpu.tensor(
		Float32Array.from({ length: batchSize * 64 }, () => random.uniform(-0.5, 0.5)),
		[batchSize, 1, 8, 8],
	);
}

/** Of all weights, averages and moments, as text. */
async function bitsOf(dict: Record<string, AnyTensor>): Promise<Record<string, string>> {
	const entries = Object.entries(dict).map(async ([name, tensor]) => [name, String(await tensor.data())] as const);
	return Object.fromEntries(await Promise.all(entries));
}

const models: Record<string, (gpu: Gpu) => VQVAE<CodebookQuantizer | ResidualQuantizer | FiniteScalarQuantizer>> = {
	"averaged codes, of which dead ones are re-initialised": (gpu) =>
		new VQVAE(gpu, {
			inChannels: 1,
			hiddenChannels: 4,
			quantizer: new CodebookQuantizer(gpu, { embeddingDim: 3, numEmbeddings: 24, deadBelow: 0.9 }),
		}),
	"codes learnt by gradient": (gpu) =>
		new VQVAE(gpu, {
			inChannels: 1,
			hiddenChannels: 4,
			quantizer: new CodebookQuantizer(gpu, { embeddingDim: 3, numEmbeddings: 24, learning: "loss", deadBelow: 0.5 }),
		}),
	"residual codes": (gpu) =>
		new VQVAE(gpu, {
			inChannels: 1,
			hiddenChannels: 4,
			quantizer: new ResidualQuantizer(gpu, { embeddingDim: 3, numEmbeddings: 12, levels: 2, deadBelow: 0.9 }),
		}),
	"finite scalars": (gpu) =>
		new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, quantizer: new FiniteScalarQuantizer(gpu, [5, 3]) }),
};

for (const [name, make] of Object.entries(models))
	test(`${name}: a trainer that continues from a file has the bits of one that did not stop`, async ({ gpu }) => {
		const trained = (from: number, to: number, file?: Uint8Array) => {
			const model = make(gpu);
			const trainer = new Trainer(model, {
				lr: 0.01,
				beforeUpdate: (parameters) => clipGradNorm(parameters, 0.5),
				average: new ExponentialMovingAverage(model, { decay: 0.9 }),
			});
			if (file !== undefined) trainer.loadStateDict(loadSafetensors(file));
			for (let step = from; step < to; step++) trainer.step(() => batch(gpu, step));
			return { model, trainer };
		};
		const whole = trained(0, 9);
		const first = trained(0, 5);
		const file = await saveSafetensors(first.trainer.stateDict());
		const second = trained(5, 9, file);
		const wanted = await bitsOf(whole.trainer.stateDict());
		assert.ok(Object.keys(wanted).some((key) => key.startsWith("average.encoder")));
		assert.equal(await bitsOf(second.trainer.stateDict()), wanted);
		const [losses] = await second.trainer.readLosses([second.trainer.step(() => batch(gpu, 9), { keepLosses: true })]);
		assert.is(losses.step, 10);
		for (const { model, trainer } of [whole, first, second]) {
			trainer.dispose();
			model.dispose();
		}
	});

test("a prior with dropout", async ({ gpu }) => {
	const codesOf = (step: number) => {
		const random = new Random(step);
		return {
			codes: gpu.tensor(
				Uint32Array.from({ length: 5 * 6 }, () => random.integer(7)),
				[5, 2, 3],
			),
		};
	};
	const trained = (from: number, to: number, file?: Uint8Array) => {
		const prior = new GatedPixelCNN(gpu, { numEmbeddings: 7, height: 2, width: 3, channels: 4, layers: 2 });
		const trainer = new PriorTrainer(prior, { steps: 12, warmUp: 3, lr: 0.02, dropout: 0.3, seed: 5 });
		if (file !== undefined) trainer.loadStateDict(loadSafetensors(file));
		for (let step = from; step < to; step++) trainer.step(codesOf(step)).dispose();
		return trainer;
	};
	const whole = trained(0, 12);
	const file = await saveSafetensors(trained(0, 5).stateDict());
	const second = trained(5, 12, file);
	assert.equal(await bitsOf(second.stateDict()), await bitsOf(whole.stateDict()));
});

test("a state that does not fit is refused by name", async ({ gpu }) => {
	const trainer = (average: boolean, numEmbeddings = 8) => {
		const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 3, numEmbeddings });
		const model = new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, quantizer });
		return new Trainer(model, average ? { average: new ExponentialMovingAverage(model) } : {});
	};
	const plain = trainer(false);
	plain.step(() => batch(gpu, 0));
	const dict = loadSafetensors(await saveSafetensors(plain.stateDict()));
	assert.throws(() => trainer(true).loadStateDict(dict), /missing: encoder/);
	assert.throws(() => trainer(false, 9).loadStateDict(dict), /vq_layer\.embeddings\.weight/);
	const { steps: _, ...without } = dict;
	assert.throws(() => trainer(false).loadStateDict(without), /Trainer\.loadStateDict: .* missing: steps/);
	assert.throws(
		() => trainer(false).loadStateDict({ ...dict, "schedule.lr": dict.steps }),
		(error: unknown) => error instanceof StateDictError && /unexpected: schedule\.lr/.test(error.message),
	);
});

test.run();
