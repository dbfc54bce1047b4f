import { DeviceLostError, openDevice, relu } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("a lost device");

test("every use of a device that was disposed of says so", async () => {
	const gpu = await openDevice();
	const x = gpu.tensor([1, 2], [2]);
	gpu.dispose();
	assert.throws(
		() => relu(x),
		(error: Error) => error instanceof DeviceLostError && /open a new one/.test(error.message),
	);
	let thrown: unknown;
	await x.data().catch((error: unknown) => {
		thrown = error;
	});
	assert.instance(thrown, DeviceLostError);
});

test("so does a device whose WebGPU device was destroyed", async () => {
	const gpu = await openDevice();
	const x = gpu.tensor([1, 2], [2]);
	gpu.device.destroy();
	await gpu.device.lost;
	await new Promise((resolve) => setTimeout(resolve));
	assert.throws(
		() => relu(x),
		(error: Error) => error instanceof DeviceLostError,
	);
});

test.run();
