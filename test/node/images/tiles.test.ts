import { type Gpu, LimitError, Random } from "tessera-gpu";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { needsTiles, reachOf, reconstructInTiles, tileSide } from "../../../src/node/images/tiles.js";
import { device } from "../../support.js";

const test = suite("tiles");
/** With the codes that have a part in a code's pixels before it, and after it. */
const networks: readonly [residualLayers: readonly [number, number], before: number, after: number][] = [
	[[0, 0], 2, 1],
	[[2, 0], 4, 3],
	[[0, 1], 4, 3],
	[[1, 2], 6, 5],
];

function modelOf(gpu: Gpu, residualLayers: readonly [number, number]): VQVAE {
	const options = { inChannels: 3, hiddenChannels: 8, embeddingDim: 4, numEmbeddings: 64 };
	return new VQVAE(gpu, { ...options, residualLayers, seed: 4 });
}

/** Float32 values as bytes, so that every bit is compared. */
const bitsOf = async (model: VQVAE, gpu: Gpu, pixels: Uint8Array, height: number, width: number) => {
	const images = gpu.tensor(
		Float32Array.from(pixels, (byte) => byte / 255 - 0.5),
		[1, 3, height, width],
	);
	const result = model.reconstruct(images);
	const values = await result.data();
	for (const tensor of [images, result]) tensor.dispose();
	return values;
};

test("the reach of a code follows from the layers", async () => {
	const gpu = await device();
	for (const [layers, before, after] of networks) assert.equal(reachOf(modelOf(gpu, layers)), { before, after });
});

test("tiles give what the whole image gives", async () => {
	const gpu = await device();
	const random = new Random(9);
	const [height, width] = [84, 100];
	const pixels = Uint8Array.from({ length: 3 * height * width }, () => random.integer(256));
	for (const [layers, before, after] of networks) {
		const model = modelOf(gpu, layers);
		const scaled = (values: Float32Array) => Uint8Array.from(values, (value) => Math.round((value + 2) * 64) & 255);
		const whole = scaled(await bitsOf(model, gpu, pixels, height, width));
		let [calls, largest] = [0, 0];
		const reconstruct = async (part: Uint8Array, rows: number, columns: number) => {
			calls++;
			largest = Math.max(largest, rows, columns);
			return scaled(await bitsOf(model, gpu, part, rows, columns));
		};
		const image = { channels: 3, height, width, pixels };
		const side = before + after + 7;
		const tiled = await reconstructInTiles(model, image, reconstruct, side);
		assert.is(calls, 3 * 4);
		assert.ok(largest <= 4 * side);
		assert.equal(tiled, whole, `residual layers ${layers}`);
	}
});

test("images over the limit of a device take tiles that fit it", async () => {
	const gpu = await device();
	const model = modelOf(gpu, [0, 0]);
	const limit = Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize);
	const fitting = 4 * Math.floor(Math.sqrt(limit / (4 * 4)) / 4);
	assert.is(needsTiles(model, { height: fitting, width: fitting }), false);
	assert.is(needsTiles(model, { height: fitting + 4, width: fitting + 4 }), true);
	const side = tileSide(model);
	assert.is(needsTiles(model, { height: 4 * side, width: 4 * side }), false);
	const image = { channels: 3, height: 8, width: 8, pixels: new Uint8Array(192) };
	const error = await reconstructInTiles(model, image, async (part) => part, 3).catch((reason: unknown) => reason);
	assert.instance(error, LimitError);
	assert.match(String(error), /8 × 8.*3 codes around/);
});

test.run();
