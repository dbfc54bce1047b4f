import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

/** Lowest first: a floor imports from itself and from those before it. */
const floors = [
	"base",
	"gpu",
	"tensor",
	"autograd",
	"ops",
	"nn",
	"quantizers",
	"vqvae",
	"prior",
	"data",
	"io",
	".",
	"node",
];
/** The folders of src/node, lowest first, in the same way; "." holds what all of them use, and index.ts, the public API. */
const nodeFolders = [".", "adapters", "images", "metrics", "codes", "datasets", "report", "runs", "export", "cli"];

const test = suite("the floors");

interface Import {
	readonly from: string;
	readonly to: string;
}

const sources = (await readdir("src", { recursive: true })).filter(
	(file) => file.endsWith(".ts") && !file.endsWith(".d.ts"),
);
const imports: Import[] = [];
for (const from of sources) {
	const text = await readFile(join("src", from), "utf8");
	for (const [, path] of text.matchAll(/^(?:import|export)\s+[^"']*?from\s+"(\.[^"]+)\.js";$/gms))
		imports.push({ from, to: `${join(dirname(from), path as string)}.ts` });
}

function floorOf(file: string): number {
	const floor = floors.indexOf(dirname(file).split("/")[0] as string);
	if (floor < 0) throw new Error(`src/${file} is on no floor`);
	return floor;
}

test("every import is of a file that is there", () => {
	assert.ok(imports.length > 150, `${imports.length} imports`);
	for (const { from, to } of imports) assert.ok(sources.includes(to), `src/${from} imports ${to}`);
});

test("nothing imports from a floor above it", () => {
	const upward = imports.filter(({ from, to }) => floorOf(to) > floorOf(from));
	assert.equal(
		upward.map(({ from, to }) => `${from} → ${to}`),
		[],
	);
});

test("no folder of src/node imports from one above it", () => {
	const folderOf = (file: string) => nodeFolders.indexOf(dirname(relative("node", file)).split("/")[0] as string);
	const within = imports.filter(
		({ from, to }) => /^node\//.test(from) && /^node\//.test(to) && from !== "node/index.ts",
	);
	assert.ok(within.length > 80, `${within.length} imports`);
	for (const { from } of within) assert.ok(folderOf(from) >= 0, `src/${from} is in no folder that this test knows`);
	const upward = within.filter(({ from, to }) => folderOf(to) > folderOf(from));
	assert.equal(
		upward.map(({ from, to }) => `${from} → ${to}`),
		[],
	);
});

test("there are no import cycles, type imports included", () => {
	const next = new Map<string, string[]>();
	for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
	const done = new Set<string>();
	const visit = (file: string, path: readonly string[]): void => {
		assert.not.ok(path.includes(file), [...path, file].join(" → "));
		if (done.has(file)) return;
		for (const to of next.get(file) ?? []) visit(to, [...path, file]);
		done.add(file);
	};
	for (const file of sources) visit(file, []);
});

test("every kernel is imported under its name by the library", async () => {
	const texts = await Promise.all(sources.map((file) => readFile(join("src", file), "utf8")));
	const all = texts.join("\n");
	for (const kernel of await readdir("kernels")) assert.ok(all.includes(`kernels/${kernel}"`), kernel);
});

test("the browser's library imports nothing from Node", () => {
	const reached = new Set(["index.ts", "vqvae/index.ts", "quantizers/index.ts", "prior/index.ts", "data/digits.ts"]);
	for (const file of reached) for (const { from, to } of imports) if (from === file) reached.add(to);
	assert.ok(reached.size > 50);
	for (const file of reached) assert.not.match(relative(".", file), /^node\//);
});

test.run();
