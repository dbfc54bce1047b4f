// With WebGPU's types at hand, the device underneath has them.
import type { Gpu, Tensor } from "tessera-gpu";

export function bytes(gpu: Gpu, tensor: Tensor): [GPUDevice, GPUBuffer, number] {
	return [gpu.device, tensor.memory().buffer, gpu.limits.maxBufferSize];
}
