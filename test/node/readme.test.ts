// Runs what the README shows, from its text: every block, in the way that a reader would. The HTML page is run by
// test/browser/readme_page.ts, in Chromium.
import { spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { encode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Block, blocksOf } from "../readme_blocks.js";
import { type Outcome, runTessera } from "./cli/command_line.js";

const readme = await readFile("README.md", "utf8");
const blocks = blocksOf(readme);

/** The files whose links are checked; of the last, the commands are run as well. */
const documents = [
	"README.md",
	"ARCHITECTURE.md",
	"bench/README.md",
	"bench/LOG.md",
	"examples/pytorch/README.md",
	"docs/decisions.md",
	"docs/results.md",
];
const commandLineManual = "docs/command-line.md";

/** Options that make a command quick. They replace those that it has. */
const small: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	train: { data: "digits", images: "16", epochs: "1", batch: "16", codes: "8", dim: "4", hidden: "8" },
	"train-prior": { images: "16", epochs: "1", channels: "4", layers: "2" },
	complete: { count: "1" },
};

let folder = "";

const test = suite("README.md");

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), "tessera-readme-"));
	await mkdir(join(folder, "node_modules"));
	await symlink(resolve("."), join(folder, "node_modules", "tessera-gpu"));
	const grey = Uint8Array.from({ length: 28 * 28 }, (_, i) => (i * 7) % 256);
	await writeFile(join(folder, "image.png"), encode({ width: 28, height: 28, channels: 1, depth: 8, data: grey }));
});

test.after(() => rm(folder, { recursive: true, force: true }));

function ofLanguage(language: string): Block[] {
	return blocks.filter((block) => block.language === language);
}

/** The JavaScript blocks, joined to programs: one that opens a device begins a program, others continue it. */
function programs(): string[] {
	const joined: string[] = [];
	for (const { code, line } of ofLanguage("js")) {
		if (code.includes("openDevice(")) joined.push(code);
		else if (joined.length > 0) joined[joined.length - 1] += `\n${code}`;
		else throw new Error(`README.md:${line}: the first block must open a device`);
	}
	return joined;
}

/** Runs a program in a process of its own, next to an installed tessera-gpu. */
async function runProgram(name: string, code: string): Promise<Omit<Outcome, "mistakes">> {
	await writeFile(join(folder, name), code);
	return new Promise((done, reject) => {
		const child = spawn(process.execPath, [name], { cwd: folder });
		let output = "";
		let errors = "";
		child.stdout.on("data", (text) => {
			output += text;
		});
		child.stderr.on("data", (text) => {
			errors += text;
		});
		child.on("error", reject);
		child.on("close", (code) => done({ code, output, errors }));
	});
}

/** The lines of stderr that the README does not announce. */
function unexpected(errors: string): string[] {
	return errors
		.split("\n")
		.filter((line) => line !== "" && !/^Warning: maxDynamic|^Tessera computes on the CPU/.test(line));
}

/** The commands of a shell block, without comments; "a && b" are two. */
function commandsOf({ code }: Block): string[] {
	return code
		.split("\n")
		.flatMap((line) => line.replace(/#.*/, "").split("&&"))
		.map((command) => command.trim())
		.filter((command) => command !== "");
}

/** The words of a `tessera` command with the options of {@link small}. */
function quick([command = "", ...rest]: readonly string[]): string[] {
	if (rest.includes("--resume")) return [command, ...rest]; // a run continues with its own settings
	const options = small[command] ?? {};
	const replaced = (word: string | undefined) => word?.startsWith("--") && word.slice(2) in options;
	const kept = rest.filter((word, i) => !replaced(word) && !replaced(rest[i - 1]));
	return [command, ...kept, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])];
}

/** The relative links of a Markdown file: path and anchor. */
function linksOf(markdown: string): [path: string, anchor: string][] {
	return [...markdown.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, path = "", anchor = ""]) => [
		path,
		anchor,
	]);
}

/** The anchors that GitHub gives to a file's headings. */
function anchorsOf(markdown: string): string[] {
	return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
		heading
			.toLowerCase()
			.replace(/[^\p{L}\p{N} _-]/gu, "")
			.replaceAll(" ", "-"),
	);
}

test("every block is of a kind that is run or checked", () => {
	for (const { language, line } of blocks)
		assert.ok(["js", "html", "sh", "text"].includes(language), `README.md:${line}: a block of kind "${language}"`);
	assert.is(ofLanguage("html").length, 1);
	assert.ok(ofLanguage("js").length >= 6 && ofLanguage("sh").length >= 3, "blocks were not found");
});

for (const [i, code] of programs().entries())
	test(`program ${i + 1} runs when pasted, and prints what its comments say`, async () => {
		const { code: exit, output, errors } = await runProgram(`program-${i + 1}.mjs`, code);
		assert.is(exit, 0, errors);
		assert.equal(unexpected(errors), []);
		assert.not.match(output, /NaN|undefined/);
		const printed = output.split("\n");
		for (const [, line] of code.matchAll(/\/\/ prints: (.*)$/gm)) {
			const at = printed.indexOf(line as string);
			assert.ok(at >= 0, `"${line}" is not printed, or not in this order, but:\n${output}`);
			printed.splice(0, at + 1);
		}
	});

test("the commands run, with less to compute", async () => {
	// The part about options is generated; its examples name folders that a test does not have.
	const [written = ""] = (await readFile(commandLineManual, "utf8")).split("<!-- commands: begin -->");
	const manual = blocksOf(written);
	const commands = [...ofLanguage("sh"), ...manual].flatMap(commandsOf);
	const tessera = commands.filter((command) => command.startsWith("npx tessera "));
	assert.ok(tessera.length >= 9, `${tessera.length} commands`);
	const run = async (command: string) => {
		const { code, errors } = await runTessera(folder, quick(command.replace("npx tessera ", "").split(/\s+/)));
		assert.is(code, 0, `${command}: ${errors}`);
	};
	const trains = (command: string) => /^npx tessera train/.test(command);
	for (const command of tessera.filter(trains)) await run(command);
	await Promise.all(tessera.filter((command) => !trains(command)).map(run));
	const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };
	for (const command of commands.filter((command) => !tessera.includes(command))) {
		const script = /^npm (?:run )?([a-z:-]+)/.exec(command)?.[1] ?? "";
		assert.ok(script === "ci" || script in scripts, `no such command: ${command}`);
	}
});

test("the HTML page imports files that the build makes", async () => {
	const [, map = ""] = /<script type="importmap">(.*?)<\/script>/s.exec(ofLanguage("html")[0]?.code ?? "") ?? [];
	const files = Object.values((JSON.parse(map) as { imports: Record<string, string> }).imports);
	assert.ok(files.length > 0);
	for (const file of files) await access(file);
});

test("the lines of the repository name folders that are there", async () => {
	for (const { code } of ofLanguage("text"))
		for (const line of code.split("\n")) {
			const paths = [...line.matchAll(/(?:^|(?<=\s))[a-z_]+\/[a-z_/]*/g)].map(([path]) => path);
			assert.ok(paths.length > 0, line);
			for (const path of paths) await access(path);
		}
});

test("links lead to files and headings that are there", async () => {
	for (const file of [...documents, commandLineManual]) {
		const links = linksOf(await readFile(file, "utf8"));
		for (const [path, anchor] of links) {
			const target = path === "" ? file : join(dirname(file), path);
			await access(target).catch(() => assert.unreachable(`${file} links to ${target}`));
			if (anchor === "") continue;
			assert.ok(anchorsOf(await readFile(target, "utf8")).includes(anchor), `${file} links to ${target}#${anchor}`);
		}
	}
});

test.run();
