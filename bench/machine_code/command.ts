import { join } from "node:path";
import { ArgumentError, TesseraError } from "tessera-gpu";
import { defineCommand } from "../../src/node/cli/command.js";
import { listed, type Options, type Values } from "../../src/node/cli/options.js";
import { readRegularFile, writeFileAtomic } from "../../src/node/files.js";
import { sizesOf, variant } from "../harness/options.js";
import { changesOf, type MachineCodeReport, parseMachineCodeReport } from "./compare.js";
import { cards, findRadv, launchOn } from "./radv.js";
import { type CardReport, cardReport, codeFile, printReport } from "./report.js";
import { workloadNames, workloadsOf } from "./workloads.js";

const options = {
	card: {
		kind: "text",
		value: "names",
		default: "navi31,navi21",
		help: `the cards, separated by commas: ${listed(Object.entries(cards).map(([name, architecture]) => `${name} (${architecture})`))}`,
	},
	workload: {
		kind: "word",
		value: "name",
		words: workloadNames,
		default: "step",
		help: "what is launched: a training step of the reference network at batch 128, or an operation",
	},
	size: {
		kind: "text",
		value: "sizes",
		help: "sizes, separated by commas: of matmul MxKxN, of nearestCode rows x codes x dimensions, of attention batch x length x depth",
		onlyWith: {
			option: "workload",
			values: ["matmul", "nearestCode", "attention"],
			defaults: { matmul: "512x512x512", nearestCode: "6272x128x16", attention: "64x1024x64" },
		},
	},
	only: {
		kind: "text",
		value: "part",
		otherwise: "all rows of bench:conv",
		help: "only the layers and directions whose name contains this, such as enc2/forward",
		onlyWith: { option: "workload", values: ["conv2d"] },
	},
	variant,
	kernel: { kind: "text", value: "part", help: "only the kernels whose name contains this" },
	asm: { kind: "text", value: "folder", help: "write the machine code of each pipeline to a file in this folder" },
	out: { kind: "text", value: "file", help: "write the results to this .json file" },
	compare: { kind: "text", value: "file", help: "an earlier .json file: shows what changed" },
} as const satisfies Options;

export const machineCodeCommand = defineCommand({
	name: "bench:machine-code",
	summary: "What AMD's compiler generates for the kernels, without an AMD card",
	description:
		"Show what AMD's compiler generates for the kernels of a workload, without an AMD card: registers, subgroups in flight, the instructions of the hottest loop, and the launches.",
	examples: [
		"npm run bench:machine-code",
		"npm run bench:machine-code -- --workload conv2d --only enc2/forward --card navi31,navi21,vega10",
		"npm run bench:machine-code -- --workload matmul --size 512x512x512 --asm machine-code",
	],
	arguments: {},
	options,
	run: showMachineCode,
});

async function showMachineCode(given: Values<typeof options>): Promise<void> {
	const { workload, only, variant, kernel, asm, out, compare } = given;
	const choice = { workload, only, variant, size: given.size === undefined ? undefined : sizesOf(given.size) };
	const names = cardsOf(given.card);
	workloadsOf(choice); // fails before a process is started
	const earlier =
		compare === undefined
			? undefined
			: parseMachineCodeReport((await readRegularFile(compare)).toString("utf8"), compare);
	const radv = await findRadv();
	const reports: CardReport[] = [];
	for (const card of names) {
		const launched = await launchOn(card, radv, choice);
		const { report, compiled } = cardReport(card, launched.report, launched.stderr, kernel);
		if (compiled.length === 0) throw new TesseraError(`No kernel that is launched has "${kernel}" in its name.`);
		printReport(report);
		if (asm !== undefined)
			for (const pipeline of compiled)
				await writeFileAtomic(join(asm, codeFile(card, pipeline)), `${pipeline.code.join("\n")}\n`);
		if (earlier !== undefined) printChanges(earlier, report);
		reports.push(report);
	}
	if (out === undefined) return;
	const results: MachineCodeReport = { benchmark: "machine-code", date: new Date().toISOString(), cards: reports };
	await writeFileAtomic(out, `${JSON.stringify(results, undefined, "\t")}\n`);
	console.log(`\nWritten: ${out}`);
}

/** @throws ArgumentError if a card is not known */
function cardsOf(text: string): string[] {
	const names = text.split(",");
	for (const name of names)
		if (!Object.hasOwn(cards, name))
			throw new ArgumentError(`--card must be ${listed(Object.keys(cards))}, but is "${name}".`);
	return names;
}

function printChanges({ cards, date }: MachineCodeReport, after: CardReport): void {
	const before = cards.find(({ card }) => card === after.card);
	if (before === undefined) {
		console.log(`\n${after.card} is not in the report of ${date}.`);
		return;
	}
	const changes = changesOf(before, after);
	console.log(`\n${after.card}, changes since ${date}:\n`);
	console.log(changes.length === 0 ? "none" : changes.join("\n"));
}
