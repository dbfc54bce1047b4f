import { measureSpeed } from "../../../gpu/probe.js";
import { type AdapterChoice, openDevice } from "../../adapters/open_device.js";
import { print, printResult } from "../../runs/output.js";
import { defineCommand } from "../command.js";
import { adapter } from "../shared_options.js";

export const doctorCommand = defineCommand({
	name: "doctor",
	summary: "Show the adapter: driver, limits, features, measured speed",
	description: "Show the adapter that computes: driver, limits, features, measured speed.",
	examples: ["tessera doctor", "tessera doctor --adapter swiftshader"],
	arguments: {},
	options: { adapter },
	run: doctor,
});

const shownLimits = [
	"maxBufferSize",
	"maxStorageBufferBindingSize",
	"maxStorageBuffersPerShaderStage",
	"maxComputeInvocationsPerWorkgroup",
	"maxComputeWorkgroupStorageSize",
	"maxComputeWorkgroupsPerDimension",
] as const;

async function doctor(options: { readonly adapter: AdapterChoice | undefined }): Promise<void> {
	const gpu = await openDevice({ adapter: options.adapter, announce: false });
	const { adapter: found, limits } = gpu;
	const line = (name: string, value: string | number) => print(`${name.padEnd(22)}${value}`);
	line("adapter", `${found.vendor} ${found.architecture}${found.software ? " (software: computes on the CPU)" : ""}`);
	line("device", found.device);
	line("driver", found.description);
	line("subgroups", found.subgroupMaxSize > 0 ? `${found.subgroupMinSize} to ${found.subgroupMaxSize}` : "none");
	line("features", [...gpu.device.features].sort().join(", "));
	print("limits");
	for (const name of shownLimits) line(`  ${name}`.padEnd(38), limits[name].toLocaleString("en-US"));
	const { gflops, bandwidth } = await measureSpeed(gpu);
	line("fma ceiling", `${gflops.toFixed(1)} GFLOP/s (fp32, measured)`);
	line("memory bandwidth", `${bandwidth.toFixed(1)} GB/s (copy, measured)`);
	gpu.dispose();
	printResult({
		...found,
		features: [...gpu.device.features].sort(),
		limits: Object.fromEntries(shownLimits.map((name) => [name, limits[name]])),
		gflops,
		bandwidth,
	});
}
