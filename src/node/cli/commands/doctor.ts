import { measureSpeed } from "../../../gpu/probe.js";
import { type AdapterChoice, openDevice } from "../../adapters/open_device.js";

/** `tessera doctor`: what the adapter is, has and reaches. */
export async function doctor(options: { readonly adapter: AdapterChoice | undefined }): Promise<void> {
	const gpu = await openDevice({ adapter: options.adapter, announce: false });
	const { adapter, limits } = gpu;
	const line = (name: string, value: string | number) => console.log(`${name.padEnd(22)}${value}`);
	line(
		"adapter",
		`${adapter.vendor} ${adapter.architecture}${adapter.software ? " (software: computes on the CPU)" : ""}`,
	);
	line("device", adapter.device);
	line("driver", adapter.description);
	line("subgroups", adapter.subgroupMaxSize > 0 ? `${adapter.subgroupMinSize} to ${adapter.subgroupMaxSize}` : "none");
	line("features", [...gpu.device.features].sort().join(", "));
	console.log("limits");
	for (const name of [
		"maxBufferSize",
		"maxStorageBufferBindingSize",
		"maxStorageBuffersPerShaderStage",
		"maxComputeInvocationsPerWorkgroup",
		"maxComputeWorkgroupStorageSize",
		"maxComputeWorkgroupsPerDimension",
	] as const)
		line(`  ${name}`.padEnd(38), limits[name].toLocaleString("en-US"));
	const { gflops, bandwidth } = await measureSpeed(gpu);
	line("fma ceiling", `${gflops.toFixed(1)} GFLOP/s (fp32, measured)`);
	line("memory bandwidth", `${bandwidth.toFixed(1)} GB/s (copy, measured)`);
	gpu.dispose();
}
