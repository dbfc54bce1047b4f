// An autoencoder: digits through a bottleneck of 16 numbers, with binary cross-entropy, dropout and a cosine schedule.
//
//   node examples/autoencoder.js [--epochs 10] [--images 4096] [--out autoencoder.png]
//
// The picture has digits above their reconstructions.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { encode } from "fast-png";
import {
	AdamW,
	backward,
	batches,
	binaryCrossEntropyWithLogits,
	cat,
	cosine,
	Dropout,
	Flatten,
	GELU,
	gatherImages,
	Linear,
	linearWarmup,
	mul,
	noGrad,
	openDevice,
	packImages,
	permute,
	Random,
	reshape,
	Sequential,
	sigmoid,
} from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";

const { values } = parseArgs({
	options: {
		epochs: { type: "string", default: "10" },
		images: { type: "string", default: "4096" },
		out: { type: "string", default: "autoencoder.png" },
	},
});
const epochs = Number(values.epochs);
const batchSize = 64;

const gpu = await openDevice();
const digits = generateDigits(Number(values.images), 0);
const images = packImages(gpu, digits.pixels, [digits.count, 1, 28, 28]);
/** float32 [B, 784], 0 … 1 */
const batchOf = (indices) => reshape(gatherImages(images, indices, { scale: 1 / 255, shift: 0 }), [-1, 784]);

const model = new Sequential([
	new Dropout({ p: 0.1 }),
	new Linear(gpu, 784, 256),
	new GELU(),
	new Linear(gpu, 256, 16),
	new Linear(gpu, 16, 256),
	new GELU(),
	new Linear(gpu, 256, 784),
	new Flatten(),
]);
const optimizer = new AdamW(model.parameters(), { weightDecay: 1e-3 });
const steps = epochs * Math.floor(digits.count / batchSize);
const schedule = linearWarmup({ steps: 20, lr: cosine({ lr: 3e-3, steps }) });

let taken = 0;
const random = new Random(0);
for (let epoch = 1; epoch <= epochs; epoch++) {
	let last;
	for (const batch of batches(digits.count, batchSize, random, { dropLast: true })) {
		optimizer.lr = schedule(taken++);
		last?.dispose();
		last = gpu.scope(() => {
			const x = batchOf(gpu.tensor(batch));
			const loss = binaryCrossEntropyWithLogits(model.forward(x), x);
			optimizer.zeroGrad();
			backward(loss);
			optimizer.step();
			return loss;
		});
		await gpu.throttle();
	}
	console.log(`epoch ${epoch}: ${(await last.item()).toFixed(4)} nats per pixel`);
}

// Two rows of 8: [row, column, y, x] becomes [row, y, column, x].
model.eval();
const picture = gpu.scope(() =>
	noGrad(() => {
		const x = batchOf(gpu.tensor(Uint32Array.from({ length: 8 }, (_, i) => i)));
		const rows = reshape(cat([x, sigmoid(model.forward(x))]), [2, 8, 28, 28]);
		return mul(permute(rows, [0, 2, 1, 3]), 255);
	}),
);
const bytes = Uint8Array.from(await picture.data(), Math.round);
await writeFile(values.out, encode({ width: 8 * 28, height: 2 * 28, data: bytes, channels: 1 }));
console.log(`${values.out}: digits above their reconstructions`);
