import { formatValue, isPlainObject, wrongArgument } from "../base/arguments.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { AnyTensor } from "../tensor/tensor.js";
import { encodeSafetensors, type HostTensor } from "./safetensors.js";

/**
 * Tensors as a safetensors file, which PyTorch reads with `safetensors.torch.load`.
 *
 * @param dict tensors of one device by name, as a state dict
 * @param metadata strings for the file's `__metadata__`
 * @returns the bytes of the file
 * @throws ArgumentError if a tensor has a name that the format reserves, DisposedError if a tensor was disposed
 * @example
 * const bytes = await saveSafetensors(model.stateDict());
 */
export async function saveSafetensors(
	dict: Readonly<Record<string, AnyTensor>>,
	metadata?: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
	const name = "saveSafetensors";
	if (!isPlainObject(dict))
		throw wrongArgument(name, "dict", "an object of tensors by name", dict, "write saveSafetensors(model.stateDict())");
	if (metadata !== undefined) {
		if (!isPlainObject(metadata)) throw wrongArgument(name, "metadata", "an object of strings", metadata);
		for (const [key, text] of Object.entries(metadata))
			if (typeof text !== "string") throw wrongArgument(name, `metadata.${key}`, "text", text);
	}
	const entries = Object.entries(dict);
	for (const [key, tensor] of entries) checkTensor(name, `dict[${formatValue(key)}]`, tensor);
	const gpu = entries[0]?.[1].gpu;
	const data = gpu === undefined ? [] : await gpu.readAll(entries.map(([, tensor]) => tensor));
	// Without a prototype, so that a tensor may be called "__proto__".
	const host: Record<string, HostTensor> = Object.create(null);
	for (const [i, [name, { dtype, shape }]] of entries.entries())
		host[name] = { dtype, shape, data: data[i] as HostTensor["data"] };
	return encodeSafetensors(host, metadata);
}
