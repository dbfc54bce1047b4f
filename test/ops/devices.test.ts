import {
	add,
	conv2d,
	convTranspose2d,
	crossEntropy,
	DeviceMismatchError,
	embedding,
	matmul,
	mseLoss,
	nearestCode,
	openDevice,
	straightThrough,
} from "tessera-gpu";
import { suite } from "uvu";
import { assertThrows, device } from "../support.js";

const test = suite("two devices");

test("no op takes tensors of two devices", async () => {
	const gpu = await device();
	const other = await openDevice();
	gpu.scope(() => {
		const image = gpu.tensor([1, 2, 3, 4], [1, 1, 2, 2]);
		const square = gpu.tensor([1, 2, 3, 4], [2, 2]);
		const picks = gpu.tensor(Uint32Array.of(0, 1), [2]);
		const kernel = other.tensor([1], [1, 1, 1, 1]);
		const bias = other.tensor([1], [1]);
		const matrix = other.tensor([1, 2, 3, 4], [2, 2]);
		const ops = [
			() => conv2d(image, kernel),
			() => conv2d(image, gpu.tensor([1], [1, 1, 1, 1]), { bias }),
			() => convTranspose2d(image, kernel),
			() => nearestCode(square, matrix),
			() => embedding(picks, matrix),
			() => mseLoss(square, matrix),
			() => add(square, matrix),
			() => matmul(square, matrix),
			() => straightThrough(square, matrix),
			() => crossEntropy(matrix, picks),
		];
		for (const op of ops) assertThrows(op, DeviceMismatchError);
	});
	other.dispose();
});

test.run();
