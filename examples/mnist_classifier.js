// A convolutional network that recognises handwritten digits.
//
//   node examples/mnist_classifier.js [--data mnist] [--epochs 5] [--images 60000]
//
// --data is "mnist" or "fashion-mnist" (downloaded once), "digits" (drawn, nothing is downloaded), or a folder of IDX
// files or PNG images. Five epochs of MNIST reach 99 % of the test images; on two cores without a GPU they take about
// three minutes.
import { parseArgs } from "node:util";
import {
	Adam,
	argmax,
	backward,
	batches,
	Conv2d,
	crossEntropy,
	Dropout,
	equal,
	Flatten,
	gatherImages,
	indexSelect,
	Linear,
	MaxPool2d,
	noGrad,
	oneCycle,
	openDevice,
	packImages,
	Random,
	ReLU,
	Sequential,
	subset,
	sum,
} from "tessera-gpu";
import { loadDataset } from "tessera-gpu/node";

const { values } = parseArgs({
	options: {
		data: { type: "string", default: "mnist" },
		epochs: { type: "string", default: "5" },
		images: { type: "string", default: "60000" },
		batch: { type: "string", default: "64" },
	},
});
const epochs = Number(values.epochs);
const batchSize = Number(values.batch);

const gpu = await openDevice();
const data = await loadDataset(values.data);
const train = subset(data.train, 0, Math.min(Number(values.images), data.train.count));
const { test } = data;

/** The images as bytes on the GPU, from which batches are gathered as numbers, and their labels. */
function upload(set) {
	const { pixels, labels, count, channels, height, width } = set;
	return { images: packImages(gpu, pixels, [count, channels, height, width]), labels: gpu.tensor(labels) };
}

const model = new Sequential([
	new Conv2d(gpu, train.channels, 16, 3, { padding: 1 }),
	new ReLU(),
	new MaxPool2d(2),
	new Conv2d(gpu, 16, 32, 3, { padding: 1 }),
	new ReLU(),
	new MaxPool2d(2),
	new Flatten(),
	new Linear(gpu, 32 * Math.floor(train.height / 4) * Math.floor(train.width / 4), 128),
	new ReLU(),
	new Dropout({ p: 0.3 }),
	new Linear(gpu, 128, 10),
]);
const optimizer = new Adam(model.parameters());
const steps = epochs * Math.floor(train.count / batchSize);
const schedule = oneCycle({ lr: 4e-3, steps: Math.max(2, steps) });

// The step is captured once and replayed: only the indices of the batch change.
const indices = gpu.zeros([batchSize], "uint32");
const trainSet = upload(train);
const step = gpu.capture(() => {
	const loss = crossEntropy(
		model.forward(gatherImages(trainSet.images, indices)),
		indexSelect(trainSet.labels, 0, indices),
	);
	optimizer.zeroGrad();
	backward(loss);
	optimizer.step();
	return loss;
});

/** The part of the test images whose class the model finds. */
async function accuracy() {
	const { images, labels } = testSet;
	model.eval();
	const right = [];
	for (const batch of batches(test.count, 500)) {
		right.push(
			gpu.scope(() =>
				noGrad(() => {
					const index = gpu.tensor(batch);
					const found = argmax(model.forward(gatherImages(images, index)), 1);
					return sum(equal(found, indexSelect(labels, 0, index)));
				}),
			),
		);
	}
	model.train();
	const counts = await gpu.readAll(right);
	for (const tensor of right) tensor.dispose();
	return counts.reduce((total, [count]) => total + count, 0) / test.count;
}

const testSet = upload(test);
const random = new Random(0);
let taken = 0;
for (let epoch = 1; epoch <= epochs; epoch++) {
	for (const batch of batches(train.count, batchSize, random, { dropLast: true })) {
		optimizer.lr = schedule(taken++);
		gpu.upload(indices, batch);
		step.replay();
		await gpu.throttle();
	}
	const percent = 100 * (await accuracy());
	console.log(
		`epoch ${epoch}: loss ${(await step.result.item()).toFixed(4)}, ${percent.toFixed(2)} % of ${test.count} test images`,
	);
}
