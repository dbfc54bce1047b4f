import { ArgumentError } from "tessera-gpu";
import type { LaunchReport, WorkloadReport } from "./launches.js";
import { type CardReport, megaflops, pipelineColumns, pipelineText } from "./report.js";

/** The JSON file. */
export interface MachineCodeReport {
	readonly benchmark: "machine-code";
	readonly date: string;
	readonly cards: readonly CardReport[];
}

/** @throws ArgumentError if the text is not such a report */
export function parseMachineCodeReport(text: string, path: string): MachineCodeReport {
	let report: Partial<MachineCodeReport> | null = null;
	try {
		report = JSON.parse(text);
	} catch {
		// reported below
	}
	if (report?.benchmark !== "machine-code" || !Array.isArray(report.cards))
		throw new ArgumentError(`--compare: "${path}" is not a report of bench:machine-code: give a file of its --out.`);
	return report as MachineCodeReport;
}

/** The texts of something, by their headings. */
type Facts = ReadonlyMap<string, string>;

/** What changed, a line for each pipeline and for each pipeline's launches in a workload. */
export function changesOf(before: CardReport, after: CardReport): string[] {
	return [
		...differences(pipelineFacts(before), pipelineFacts(after)),
		...after.workloads.flatMap((workload) => {
			const old = before.workloads.find(({ name }) => name === workload.name);
			if (old === undefined) return [`${workload.name}: new`];
			return differences(launchFacts(old), launchFacts(workload));
		}),
	];
}

function pipelineFacts({ pipelines }: CardReport): Map<string, Facts> {
	return new Map(
		pipelines.map((pipeline) => [
			pipelineText(pipeline),
			new Map(pipelineColumns.slice(1).map(([heading, cell]) => [heading, cell(pipeline)])),
		]),
	);
}

function launchFacts({ name, dispatches, launches }: WorkloadReport): Map<string, Facts> {
	const facts = new Map<string, Facts>([[name, new Map([["dispatches", `${dispatches}`]])]]);
	for (const pipeline of new Set(launches.map(pipelineText))) {
		const alike = launches.filter((launch) => pipelineText(launch) === pipeline);
		facts.set(
			`${name}, ${pipeline}`,
			new Map([
				["launches", `${alike.reduce((sum, { times }) => sum + times, 0)}`],
				["workgroups", eachTime(alike, ({ workgroups }) => `${workgroups}`)],
				["workgroup size", `${alike[0]?.workgroupSize}`],
				["MFLOP", eachTime(alike, megaflops)],
			]),
		);
	}
	return facts;
}

/** "98 + 2 × 49" */
function eachTime(launches: readonly LaunchReport[], text: (launch: LaunchReport) => string): string {
	return launches
		.map((launch) => (launch.times === 1 ? text(launch) : `${launch.times} × ${text(launch)}`))
		.join(" + ");
}

function differences(before: ReadonlyMap<string, Facts>, after: ReadonlyMap<string, Facts>): string[] {
	const names = [...new Set([...before.keys(), ...after.keys()])];
	return names.flatMap((name) => {
		const [old, now] = [before.get(name), after.get(name)];
		if (old === undefined) return [`${name}: new`];
		if (now === undefined) return [`${name}: gone`];
		const changed = [...now].filter(([heading, text]) => old.get(heading) !== text);
		if (changed.length === 0) return [];
		return [`${name}: ${changed.map(([heading, text]) => `${heading} ${old.get(heading)} → ${text}`).join(", ")}`];
	});
}
