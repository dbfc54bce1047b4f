// Tensors, devices and captured steps are disposable.
import { openDevice, relu } from "tessera-gpu";

export async function values(): Promise<Float32Array> {
	using gpu = await openDevice();
	using x = gpu.tensor(new Float32Array(4), [4]);
	using step = gpu.capture(() => relu(x));
	return step.replay().data();
}
