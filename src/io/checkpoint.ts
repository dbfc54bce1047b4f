import type { AnyTensor } from "../tensor/tensor.js";
import { encodeSafetensors, type HostTensor } from "./safetensors.js";

/**
 * Reads tensors back and writes them as safetensors: `await saveSafetensors(model.stateDict())`. PyTorch reads the
 * result with `safetensors.torch.load`.
 *
 * @param metadata strings that go into the file's `__metadata__`
 */
export async function saveSafetensors(
	dict: Readonly<Record<string, AnyTensor>>,
	metadata?: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
	const entries = Object.entries(dict);
	const gpu = entries[0]?.[1].gpu;
	const data = gpu === undefined ? [] : await gpu.readAll(entries.map(([, tensor]) => tensor));
	const host: Record<string, HostTensor> = {};
	for (const [i, [name, { dtype, shape }]] of entries.entries())
		host[name] = { dtype, shape, data: data[i] as HostTensor["data"] };
	return encodeSafetensors(host, metadata);
}
