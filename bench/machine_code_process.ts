// bench:machine-code runs this in a process for each card, because the stand-in for the kernel driver must
// be loaded with it. It prints which pipeline the driver compiles next on stderr, where the driver prints
// its code, and the launches on stdout.
import { writeSync } from "node:fs";
import { type Gpu, NoAdapterError, openDevice, TesseraError } from "tessera-gpu";
import { pipelineMarker } from "./machine_code/driver_output.js";
import { type ChildFailure, type ChildReport, launchesOf, type WorkloadReport } from "./machine_code/launches.js";
import { type Workload, type WorkloadChoice, workloadsOf } from "./machine_code/workloads.js";

async function launch(gpu: Gpu, { name, prepare }: Workload): Promise<WorkloadReport> {
	const operation = prepare(gpu);
	const before = gpu.counters().dispatches;
	const launches = launchesOf(gpu, operation);
	await gpu.finish();
	return { name, dispatches: gpu.counters().dispatches - before, launches };
}

async function report({ variant, ...choice }: WorkloadChoice): Promise<ChildReport> {
	const gpu = await openDevice({ adapter: "gpu", variant });
	const { device, description } = gpu.adapter;
	gpu.onCompile = ({ name }, constants) => writeSync(process.stderr.fd, pipelineMarker(name, constants));
	const workloads: WorkloadReport[] = [];
	for (const workload of workloadsOf(choice)) workloads.push(await launch(gpu, workload));
	gpu.dispose();
	return { device, driver: description, workloads };
}

const result = await report(JSON.parse(process.argv[2] ?? "")).catch((error: Error): ChildFailure => {
	if (!(error instanceof TesseraError)) throw error;
	return { failure: error.message, noAdapter: error instanceof NoAdapterError };
});
console.log(JSON.stringify(result));
