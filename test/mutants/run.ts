// Mutation testing: makes small wrong changes of the source one at a time, and looks whether a test notices.
//   npm run test:mutants [-- --list] [--only TEXT]… [--jobs COUNT] [--all-suites]
// --only takes the mutants whose area, file or description has one of the texts. Prints each mutant that survives and the share that is killed; below 95 % it fails. A hang counts as killed.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commands } from "./commands.js";
import { exports } from "./exports.js";
import { files } from "./files.js";
import { kernels } from "./kernels.js";
import { model } from "./model.js";
import type { Area, Mutant } from "./mutant.js";
import { operations } from "./operations.js";
import { runtime } from "./runtime.js";
import { failedTest, Workspace } from "./workspace.js";

const areas: readonly Area[] = [kernels, operations, runtime, model, files, commands, exports];
const wantedShare = 0.95;
/** How long suites may take with a mutant: so much, and so many times what they take without. */
const leastPatience = 60_000;
const patienceFactor = 5;

const { values: options } = parseArgs({
	options: {
		list: { type: "boolean", default: false },
		only: { type: "string", multiple: true, default: [] },
		jobs: { type: "string", default: "1" },
		"all-suites": { type: "boolean", default: false },
	},
});

interface Entry {
	readonly area: string;
	readonly what: string;
	readonly mutant: Mutant;
}

type Outcome = "killed" | "killed by timeout" | "survived" | "does not build";

const entries = areas
	.flatMap(({ name, mutants }) =>
		Object.entries(mutants).map(([what, mutant]): Entry => ({ area: name, what, mutant })),
	)
	.filter(
		({ area, what, mutant }) =>
			options.only.length === 0 || options.only.some((text) => `${area} ${mutant.file} ${what}`.includes(text)),
	);

function describe({ mutant, what }: Entry): string {
	return `${mutant.file}: ${what}`;
}

/** What is wrong with the list: each mutant's text must occur once, and its suites exist. */
async function faults(suites: readonly string[]): Promise<string[]> {
	const found: string[] = [];
	for (const entry of entries) {
		const { file, find, replace, suites: noticing } = entry.mutant;
		const text = await readFile(file, "utf8").catch(() => undefined);
		const count = text === undefined ? 0 : text.split(find).length - 1;
		if (text === undefined) found.push(`${describe(entry)}: there is no such file.`);
		else if (count !== 1) found.push(`${describe(entry)}: its text occurs ${count} times: ${JSON.stringify(find)}`);
		if (find === replace) found.push(`${describe(entry)}: it changes nothing.`);
		if (noticing.length === 0) found.push(`${describe(entry)}: it names no suite.`);
		for (const suite of noticing)
			if (!suites.includes(suite)) found.push(`${describe(entry)}: there is no test/${suite}.test.ts.`);
	}
	return found;
}

/** Whether a test file runs what is in dist/. */
async function needsCommandLine(suite: string): Promise<boolean> {
	return /command_line\.js|"dist\/|\bdist\b/.test(await readFile(join("test", `${suite}.test.ts`), "utf8"));
}

/** Calls `work` for all items, as many at once as there are workspaces. */
async function forAll<T>(
	items: readonly T[],
	workspaces: readonly Workspace[],
	work: (item: T, workspace: Workspace) => Promise<void>,
): Promise<void> {
	const left = items.values();
	await Promise.all(
		workspaces.map(async (workspace) => {
			for (const item of left) await work(item, workspace);
		}),
	);
}

async function testMutants(workspaces: readonly Workspace[], allSuites: readonly string[]): Promise<boolean> {
	const suitesOf = ({ mutant }: Entry) => (options["all-suites"] ? allSuites : mutant.suites);
	const used = [...new Set(entries.flatMap(suitesOf))].sort();
	const ofCommandLine = new Set<string>();
	for (const suite of used) if (await needsCommandLine(suite)) ofCommandLine.add(suite);
	const buildFor = (workspace: Workspace, suites: readonly string[]) =>
		workspace.build(suites.some((suite) => ofCommandLine.has(suite)));

	// Without a mutant all must pass, or else they say nothing.
	const times = new Map<string, number>();
	const failing: string[] = [];
	console.log(`Running ${used.length} test files without a mutant.`);
	for (const workspace of workspaces) {
		const { code, output } = await buildFor(workspace, used);
		if (code !== 0) throw new Error(`The tests could not be built:\n${output}`);
	}
	await forAll(used, workspaces, async (suite, workspace) => {
		const { code, output, milliseconds } = await workspace.test([suite], 600_000);
		times.set(suite, milliseconds);
		if (code !== 0) failing.push(`${suite} fails without a mutant (${failedTest(output) ?? code}).`);
	});
	if (failing.length > 0) throw new Error(failing.join("\n"));

	const outcomes = new Map<Entry, Outcome>();
	await forAll(entries, workspaces, async (entry, workspace) => {
		const suites = suitesOf(entry);
		const patience = leastPatience + patienceFactor * suites.reduce((sum, suite) => sum + (times.get(suite) ?? 0), 0);
		const start = performance.now();
		const [outcome, by] = await workspace.changed(entry.mutant, async (): Promise<[Outcome, string?]> => {
			const built = await buildFor(workspace, suites);
			if (built.code !== 0) return ["does not build", built.output];
			const { code, output } = await workspace.test(suites, patience);
			if (code === 0) return ["survived"];
			return code === "timeout" ? ["killed by timeout"] : ["killed", failedTest(output) ?? `exit code ${code}`];
		});
		outcomes.set(entry, outcome);
		const seconds = ((performance.now() - start) / 1000).toFixed(1);
		console.log(
			`[${outcomes.size}/${entries.length}] ${outcome}, ${seconds} s: ${describe(entry)}${by === undefined ? "" : ` (${by})`}`,
		);
	});
	return report(outcomes);
}

/** Prints the score of each area and the mutants that were not killed; whether enough were. */
function report(outcomes: ReadonlyMap<Entry, Outcome>): boolean {
	const isKilled = (entry: Entry) => outcomes.get(entry)?.startsWith("killed") === true;
	console.log();
	for (const outcome of ["does not build", "killed by timeout", "survived"] as const)
		for (const entry of entries) if (outcomes.get(entry) === outcome) console.log(`${outcome}: ${describe(entry)}`);
	const score = (of: readonly Entry[]) => {
		const killed = of.filter(isKilled).length;
		return `${killed} of ${of.length} killed (${((100 * killed) / of.length).toFixed(1)} %)`;
	};
	for (const { name } of areas) {
		const own = entries.filter(({ area }) => area === name);
		if (own.length > 0) console.log(`${name}: ${score(own)}`);
	}
	console.log(`all: ${score(entries)}`);
	return (
		entries.filter(isKilled).length >= wantedShare * entries.length &&
		![...outcomes.values()].includes("does not build")
	);
}

const allSuites = (await readdir("test", { recursive: true }))
	.filter((file) => file.endsWith(".test.ts"))
	.map((file) => file.replaceAll("\\", "/").replace(/\.test\.ts$/, ""))
	.sort();
const wrong = await faults(allSuites);
for (const fault of wrong) console.error(fault);
if (entries.length === 0) console.error("No mutant matches --only.");
if (wrong.length > 0 || entries.length === 0) process.exitCode = 1;
else if (options.list) {
	for (const entry of entries) console.log(`${entry.area}: ${describe(entry)} [${entry.mutant.suites.join(", ")}]`);
	console.log(`${entries.length} mutants`);
} else {
	const cache = await mkdtemp(join(tmpdir(), "tessera-mutants-cache-"));
	const workspaces: Workspace[] = [];
	try {
		for (let job = 0; job < Math.max(1, Number(options.jobs)); job++) workspaces.push(await Workspace.create(cache));
		const start = performance.now();
		if (!(await testMutants(workspaces, allSuites))) process.exitCode = 1;
		console.log(`Took ${((performance.now() - start) / 60_000).toFixed(1)} minutes.`);
	} finally {
		for (const workspace of workspaces) await workspace.remove();
		await rm(cache, { recursive: true, force: true });
	}
}
