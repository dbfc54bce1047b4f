import { MissingFeatureError, NoAdapterError } from "../base/errors.js";

/** The adapter's own description of itself. */
export interface AdapterDescription {
	readonly vendor: string;
	readonly architecture: string;
	readonly device: string;
	readonly description: string;
	/** True if shaders run on the CPU (lavapipe, SwiftShader, WARP). */
	readonly software: boolean;
	/** Smallest and largest subgroup, 0 if the device has no subgroups. */
	readonly subgroupMinSize: number;
	readonly subgroupMaxSize: number;
}

/** Requested if the adapter has them: for `Device.time`, and for the blocked kernels. */
const optionalFeatures = ["timestamp-query", "subgroups"] as const;
/** Requested at the adapter's values. The last ones are for callers: their own kernels, and libraries that share the device. */
const raisedLimits = [
	"maxBufferSize",
	"maxStorageBufferBindingSize",
	"maxStorageBuffersPerShaderStage",
	"maxComputeWorkgroupStorageSize",
	"maxComputeInvocationsPerWorkgroup",
	"maxComputeWorkgroupSizeX",
] as const;

/** Names by which CPU implementations of Vulkan, D3D and Metal are known. */
const softwareNames = /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i;

/** Whether this is Dawn's null backend, which computes nothing. @internal */
export function isNullBackend(adapter: GPUAdapter): boolean {
	return /null/i.test(adapter.info.device) && adapter.info.vendor === "";
}

/** The size of the adapter's subgroups if it is always the same and at least 4, else 0. @internal */
export function fixedSubgroupSize({ subgroupMinSize, subgroupMaxSize }: AdapterDescription): number {
	return subgroupMinSize === subgroupMaxSize && subgroupMinSize >= 4 ? subgroupMinSize : 0;
}

/** Describes an adapter. @internal */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
	const { vendor, architecture, device, description } = adapter.info;
	const subgroups = adapter.features.has("subgroups");
	return {
		vendor,
		architecture,
		device,
		description,
		software: adapter.info.isFallbackAdapter === true || softwareNames.test(`${architecture} ${device} ${description}`),
		subgroupMinSize: subgroups ? (adapter.info.subgroupMinSize ?? 0) : 0,
		subgroupMaxSize: subgroups ? (adapter.info.subgroupMaxSize ?? 0) : 0,
	};
}

/**
 * Opens a device with the optional features that the adapter has, and with its limits.
 *
 * @param required features that the caller requires
 * @throws NoAdapterError for Dawn's null backend, MissingFeatureError if the adapter lacks a required feature
 * @internal
 */
export async function requestDevice(adapter: GPUAdapter, required: readonly string[] = []): Promise<GPUDevice> {
	if (isNullBackend(adapter))
		throw new NoAdapterError("openDevice: the adapter is Dawn's null backend, which computes nothing.");
	for (const feature of required)
		if (!adapter.features.has(feature))
			throw new MissingFeatureError(
				`openDevice: requiredFeatures has "${feature}", but the adapter ${adapter.info.description || adapter.info.vendor} has only ${[...adapter.features].join(", ")}.`,
			);
	const requiredLimits: Record<string, number> = {};
	for (const limit of raisedLimits) requiredLimits[limit] = adapter.limits[limit];
	const requiredFeatures = [
		...new Set([...optionalFeatures.filter((name) => adapter.features.has(name)), ...required]),
	];
	return adapter.requestDevice({ requiredFeatures: requiredFeatures as GPUFeatureName[], requiredLimits });
}
