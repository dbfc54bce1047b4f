import type { Gpu } from "tessera-gpu";

/** Puts a `navigator` in place, as browsers have it, whose adapter has only one device to give: this one. Browsers keep theirs. */
export function shareDevice(gpu: Gpu): void {
	if (typeof process === "undefined") return;
	const adapter = {
		limits: gpu.device.limits,
		features: gpu.device.features,
		info: gpu.adapter,
		requestDevice: async () => gpu.device,
	};
	const navigator = { userAgent: "Node", hardwareConcurrency: 1, gpu: { requestAdapter: async () => adapter } };
	Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}
