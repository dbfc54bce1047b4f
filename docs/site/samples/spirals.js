import {
	Adam,
	backward,
	binaryCrossEntropyWithLogits,
	Linear,
	noGrad,
	openDevice,
	Sequential,
	sigmoid,
	sin,
	Tanh,
} from "tessera-gpu";

const gpu = await openDevice();

// Points on two spirals, [400, 2], and which spiral each is on, [400, 1].
const points = Array.from({ length: 400 }, (_, i) => {
	const radius = (i % 200) / 200;
	const angle = 9 * radius + (i < 200 ? 0 : Math.PI);
	return [radius * Math.cos(angle), radius * Math.sin(angle)];
});
const x = gpu.tensor(points);
const y = gpu.tensor(points.map((_, i) => [i < 200 ? 0 : 1]));

const layers = [new Linear(gpu, 2, 32), (x) => sin(x), new Linear(gpu, 32, 32), new Tanh(), new Linear(gpu, 32, 1)];
const model = new Sequential(layers);
const optimizer = new Adam(model.parameters(), { lr: 0.02 });
const step = gpu.capture(() => {
	const loss = binaryCrossEntropyWithLogits(model.forward(x), y);
	optimizer.zeroGrad();
	backward(loss);
	optimizer.step();
	return loss;
});

// The probability of the second spiral at each pixel.
const context = document.querySelector("#canvas").getContext("2d");
const size = 96;
context.canvas.width = context.canvas.height = size;
const at = (i) => (2.2 * i) / (size - 1) - 1.1;
const pixels = gpu.tensor(Array.from({ length: size * size }, (_, i) => [at(i % size), at(Math.floor(i / size))]));
const draw = gpu.capture(() => noGrad(() => sigmoid(model.forward(pixels))));

for (let i = 1; i <= 400; i++) {
	step.replay();
	await gpu.throttle();
	if (i % 20 > 0) continue;
	const image = context.createImageData(size, size);
	for (const [p, value] of (await draw.replay().data()).entries())
		image.data.set([60 + 180 * value, 90, 240 - 180 * value, 255], 4 * p);
	context.putImageData(image, 0, 0);
	if (i % 100 === 0) console.log(`step ${i}: loss ${(await step.result.item()).toFixed(4)}`);
}
