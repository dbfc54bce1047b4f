import { MissingFeatureError, NoAdapterError } from "../base/errors.js";

/** What the adapter says of itself. */
export interface AdapterDescription {
	readonly vendor: string;
	readonly architecture: string;
	readonly device: string;
	readonly description: string;
	/** True where shaders run on the CPU (lavapipe, SwiftShader, WARP). */
	readonly software: boolean;
	/** Smallest and largest subgroup, 0 where the device has no subgroups. */
	readonly subgroupMinSize: number;
	readonly subgroupMaxSize: number;
}

const usefulFeatures = ["timestamp-query", "subgroups", "shader-f16", "subgroup-size-control"] as const;
const usefulLimits = [
	"maxBufferSize",
	"maxStorageBufferBindingSize",
	"maxStorageBuffersPerShaderStage",
	"maxComputeWorkgroupStorageSize",
	"maxComputeInvocationsPerWorkgroup",
	"maxComputeWorkgroupSizeX",
	"maxComputeWorkgroupSizeY",
] as const;

/** Names by which CPU implementations of Vulkan, D3D and Metal are known. */
const softwareNames = /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i;

/** True where Dawn answered with its null backend, which computes nothing. @internal */
export function isNullBackend(adapter: GPUAdapter): boolean {
	return /null/i.test(adapter.info.device) && adapter.info.vendor === "";
}

/** The size of the adapter's subgroups if it is always the same and at least 4, else 0. @internal */
export function fixedSubgroupSize({ subgroupMinSize, subgroupMaxSize }: AdapterDescription): number {
	return subgroupMinSize === subgroupMaxSize && subgroupMinSize >= 4 ? subgroupMinSize : 0;
}

/** What the adapter says of itself. @internal */
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
 * Opens a device with every feature and limit that helps and that the adapter has; it works with none of them.
 *
 * @throws NoAdapterError for Dawn's null backend, MissingFeatureError for a feature in `required` that is not there.
 * @internal
 */
export async function requestDevice(adapter: GPUAdapter, required: readonly string[] = []): Promise<GPUDevice> {
	if (isNullBackend(adapter)) throw new NoAdapterError("The adapter is Dawn's null backend, which computes nothing.");
	for (const feature of required)
		if (!adapter.features.has(feature))
			throw new MissingFeatureError(
				`The adapter ${adapter.info.description || adapter.info.vendor} has no feature "${feature}"; it has: ${[...adapter.features].join(", ")}.`,
			);
	const requiredLimits: Record<string, number> = {};
	for (const limit of usefulLimits) requiredLimits[limit] = adapter.limits[limit];
	const requiredFeatures = [...new Set([...usefulFeatures.filter((name) => adapter.features.has(name)), ...required])];
	return adapter.requestDevice({ requiredFeatures: requiredFeatures as GPUFeatureName[], requiredLimits });
}
