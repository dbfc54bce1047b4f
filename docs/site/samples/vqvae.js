import { batches, gatherImages, imageVariance, openDevice, packImages, Random } from "tessera-gpu";
import { generateDigits } from "tessera-gpu/digits";
import { CodebookQuantizer, initialiseCodebook } from "tessera-gpu/quantizers";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";

const gpu = await openDevice();
const digits = generateDigits(1024, 0);
const packed = packImages(gpu, digits.pixels, [1024, 1, 28, 28]);
const images = (indices) => gatherImages(packed, gpu.tensor(indices)); // float32, −0.5 … 0.5

const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 16, numEmbeddings: 128 });
const model = new VQVAE(gpu, { inChannels: 1, quantizer, dataVariance: imageVariance(digits) });
const shown = images(Uint32Array.from({ length: 12 }, (_, i) => i));
gpu.scope(() => initialiseCodebook(quantizer, "kmeans", model.encoder.forward(shown)));

const trainer = new Trainer(model, { lr: 6e-3 });
const context = document.querySelector("#canvas").getContext("2d");
Object.assign(context.canvas, { width: 12 * 28, height: 2 * 28 });
await draw(shown, 0);

let step = 0;
for (const batch of batches(1024, 16, new Random(0))) {
	trainer.step(() => images(batch));
	await gpu.throttle();
	if (++step % 8 > 0) continue;
	const { nmse, codesInUse } = await trainer.evaluate([() => shown]);
	console.log(`step ${step} of 64: normalised error ${nmse.toFixed(3)}, ${codesInUse} codes in use`);
	const reconstructions = gpu.scope(() => model.decode(model.encode(shown)));
	await draw(reconstructions, 28);
	reconstructions.dispose();
}

/** Draws images in a row, `top` pixels below the upper edge. */
async function draw(images, top) {
	const pixels = await images.data();
	const picture = context.createImageData(12 * 28, 28);
	for (let i = 0; i < pixels.length; i++) {
		const [image, row, column] = [Math.floor(i / 784), Math.floor(i / 28) % 28, i % 28];
		const grey = 255 * (pixels[i] + 0.5);
		picture.data.set([grey, grey, grey, 255], 4 * (row * picture.width + image * 28 + column));
	}
	context.putImageData(picture, 0, top);
}
