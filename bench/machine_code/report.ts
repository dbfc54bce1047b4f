import { type Constants, TesseraError } from "tessera-gpu";
import { plural } from "../../src/node/plural.js";
import { type Column, digits, percent, table } from "../harness/format.js";
import { type CompiledPipeline, parseDriverOutput } from "./driver_output.js";
import { type HotCode, hotCode } from "./instruction_mix.js";
import type { ChildReport, LaunchReport, WorkloadReport } from "./launches.js";
import { cards } from "./radv.js";

/** A kernel with values for its constants. */
export type PipelineName = Pick<CompiledPipeline, "kernel" | "constants">;

/** A pipeline as the JSON file has it. */
export type PipelineReport = Omit<CompiledPipeline, "code"> & HotCode;

/** What a card's compiler generated for a workload. */
export interface CardReport {
	readonly card: string;
	/** The driver and its version. */
	readonly driver: string;
	readonly pipelines: readonly PipelineReport[];
	readonly workloads: readonly WorkloadReport[];
}

/** "matmul.wgsl", or "sum.wgsl OUTPUTS=64 LANES=1" */
export function pipelineText({ kernel, constants }: PipelineName): string {
	return [kernel, ...constantTexts(constants)].join(" ");
}

/** A pipeline's file of machine code. */
export function codeFile(card: string, { kernel, constants }: PipelineName): string {
	const parts = [card, kernel.replace(/\.wgsl$/, ""), constantTexts(constants).join(",")];
	return `${parts.filter((part) => part !== "").join(".")}.s`;
}

function constantTexts(constants: Constants): string[] {
	return Object.entries(constants).map(([name, value]) => `${name}=${value}`);
}

/**
 * The pipelines that a workload launches, with their code, as far as `kernel` is part of the kernel's name.
 *
 * @throws TesseraError if the driver printed no code of one of them
 */
export function cardReport(
	card: string,
	{ driver, workloads }: ChildReport,
	stderr: string,
	kernel = "",
): { readonly report: CardReport; readonly compiled: readonly CompiledPipeline[] } {
	const wanted = workloads.map((workload) => ({
		...workload,
		launches: workload.launches.filter((launch) => launch.kernel.includes(kernel)),
	}));
	const launched = new Set(wanted.flatMap(({ launches }) => launches.map(pipelineText)));
	const compiled = parseDriverOutput(stderr).filter((pipeline) => launched.has(pipelineText(pipeline)));
	const missing = [...launched].find((name) => !compiled.some((pipeline) => pipelineText(pipeline) === name));
	if (missing !== undefined) throw new TesseraError(`${card}: the driver printed no machine code for ${missing}.`);
	const pipelines = compiled.map(({ code, ...pipeline }) => ({ ...pipeline, ...hotCode(code) }));
	return { report: { card, driver, pipelines, workloads: wanted }, compiled };
}

function count(value: number | null): string {
	return value === null ? "–" : `${value}`;
}

export const pipelineColumns: readonly Column<PipelineReport>[] = [
	["pipeline", pipelineText],
	["VGPRs", ({ vgprs }) => count(vgprs)],
	["SGPRs", ({ sgprs }) => count(sgprs)],
	["waves", ({ waves }) => count(waves)],
	["spilled", ({ spilled }) => count(spilled)],
	["LDS bytes", ({ ldsBytes }) => count(ldsBytes)],
	["code bytes", ({ codeBytes }) => count(codeBytes)],
	["counted", ({ part }) => part],
	["fma", ({ mix }) => count(mix.multiplyAdds)],
	["other VALU", ({ mix }) => count(mix.otherVector)],
	["loads", ({ mix }) => count(mix.globalLoads)],
	["stores", ({ mix }) => count(mix.globalStores)],
	["LDS", ({ mix }) => count(mix.localMemory)],
	["s_load", ({ mix }) => count(mix.scalarLoads)],
	["SALU", ({ mix }) => count(mix.scalarAlu)],
	["branches", ({ mix }) => count(mix.branches)],
	["load waits", ({ mix }) => count(mix.loadWaits)],
	["fma share", ({ mix }) => percent(share(mix.multiplyAdds, mix.multiplyAdds + mix.otherVector))],
	["loads/fma", ({ mix }) => digits(share(mix.globalLoads, mix.multiplyAdds))],
];

function share(part: number, of: number): number | null {
	return of === 0 ? null : part / of;
}

const launchColumns: readonly Column<LaunchReport & { readonly workload: string }>[] = [
	["launch", (launch) => `${launch.workload}: ${pipelineText(launch)}`],
	["times", ({ times }) => `${times}`],
	["workgroups", ({ workgroups }) => `${workgroups}`],
	["workgroup size", ({ workgroupSize }) => `${workgroupSize}`],
	["invocations", ({ workgroups, workgroupSize }) => `${workgroups * workgroupSize}`],
	["MFLOP", megaflops],
];

/** Of one launch. */
export function megaflops({ flops }: LaunchReport): string {
	return digits(flops === null ? null : flops / 1e6);
}

export function printReport({ card, driver, pipelines, workloads }: CardReport): void {
	console.log(`\n${card} (${cards[card]}, ${driver})\n`);
	console.log(table(pipelineColumns, pipelines));
	const launches = workloads.flatMap(({ name, launches }) => launches.map((launch) => ({ ...launch, workload: name })));
	console.log(`\n${table(launchColumns, launches)}\n`);
	for (const { name, dispatches } of workloads) console.log(`${name}: ${plural(dispatches, "dispatch", "dispatches")}`);
}
