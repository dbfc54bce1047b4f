import { readdir, readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { kernelMinifier } from "../../minify_wgsl.mjs";
import { declarationsOf } from "../../src/gpu/kernel.js";
import { device } from "../support.js";

const test = suite("kernels/");

const files = (await readdir("kernels")).filter((file) => file.endsWith(".wgsl"));

test("there are kernels", () => {
	assert.ok(files.length > 20, `${files.length} files`);
});

const minify = await kernelMinifier("kernels");

for (const file of files)
	test(`${file} compiles as it stands and minified`, async () => {
		const gpu = await device();
		const source = await readFile(`kernels/${file}`, "utf8");
		for (const code of [source, minify(source)]) {
			gpu.device.pushErrorScope("validation");
			const module = gpu.device.createShaderModule({ code });
			const { messages } = await module.getCompilationInfo();
			const error = await gpu.device.popErrorScope();
			assert.equal(
				messages.map(({ lineNum, message }) => `${file}:${lineNum}: ${message}`),
				[],
			);
			assert.is(error, null);
		}
	});

/** Words and numbers, signs; numbers by their value, and types in one way of writing. */
function tokensOf(text: string): string[] {
	const tokens = text
		.replace(/\b(vec[234])<([fiu])32>/g, "$1$2")
		.match(/@?[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?[iu]?|\S/g);
	return (tokens ?? []).map((token) =>
		/^\.?\d/.test(token) ? `${Number.parseFloat(token)}${/[.e]/.test(token) ? "f" : token.replace(/\d/g, "")}` : token,
	);
}

for (const file of files)
	test(`${file} keeps its lines, bindings, overrides and entry point when it is minified`, async () => {
		const source = await readFile(`kernels/${file}`, "utf8");
		const minified = minify(source);
		const [lines, minifiedLines] = [source, minified].map((text) =>
			text.split("\n").map((line) => tokensOf(line.replace(/\/\/.*/, ""))),
		) as [string[][], string[][]];
		assert.is(minifiedLines.length, lines.length, "lines");
		// Each name becomes one other, and no other becomes that; everything else stays.
		const [forth, back] = [new Map<string, string>(), new Map<string, string>()];
		for (const [i, tokens] of lines.entries()) {
			assert.is(minifiedLines[i]?.length, tokens.length, `tokens of line ${i + 1}`);
			for (const [at, token] of tokens.entries()) {
				const other = minifiedLines[i]?.[at] as string;
				if (!/^[A-Za-z_]/.test(token)) assert.is(other, token, `line ${i + 1}`);
				assert.is(forth.get(token) ?? other, other, `line ${i + 1}: ${token}`);
				assert.is(back.get(other) ?? token, token, `line ${i + 1}: ${other}`);
				forth.set(token, other);
				back.set(other, token);
			}
		}
		assert.equal(declarationsOf({ name: file, source: minified }), declarationsOf({ name: file, source }));
		const outside = (text: string) => text.match(/\boverride \w+|\bfn main\(|:\s*Slice\s*;|@\w+(\([^)]*\))?/g);
		const packed = (text: string) => outside(text)?.map((part) => part.replace(/\s/g, ""));
		assert.equal(packed(minified), packed(source.replace(/\/\/.*$/gm, "")));
	});

test("a minified kernel has the blanks that keep signs apart", () => {
	const lines = ["fn f(a: i32) -> i32 { // gone", "\tlet b = a - -a;", "\treturn a & b; }"];
	assert.is(minify(lines.join("\n")), "fn f(a:i32)->i32{\nlet b=a- -a;\nreturn a&b;}");
});

test("a minified kernel has types and numbers in the fewest signs, of the same value", () => {
	const lines = [
		"const a = vec4<f32>(0.0, 10.05, 0.5, 1.0e-30);",
		"const b: array<vec2<u32>, 1> = array(vec2<u32>(10u, 0u));",
	];
	assert.is(
		minify(lines.join("\n")),
		"const a=vec4f(0.,10.05,.5,1.0e-30);\nconst b:array<vec2u,1> =array(vec2u(10u,0u));",
	);
});

/** The comment at the top of a kernel, without the slashes, in paragraphs. */
function headerOf(source: string): string[] {
	const lines = source.split("\n");
	const end = lines.findIndex((line) => !line.startsWith("//"));
	return lines
		.slice(0, end)
		.map((line) => line.replace(/^\/\/ ?/, ""))
		.join("\n")
		.split("\n\n");
}

/** What is wrong with a kernel's header; their order is that of every other kernel. */
async function headerFaults(file: string, source: string): Promise<string[]> {
	const paragraphs = headerOf(source);
	const text = paragraphs.join("\n");
	const faults: string[] = [];
	if (!/[=←]/.test(paragraphs[0] ?? "")) faults.push("it does not begin with the formula");
	const described = Array.from(text.matchAll(/^(\w+(?:, \w+)*) {2}/gm), ([, names = ""]) => names.split(", ")).flat();
	for (const [, variable = ""] of source.matchAll(/var<(?:uniform|storage[^>]*)>\s*(\w+)/g))
		if (!described.includes(variable)) faults.push(`binding ${variable} is not described`);
	const feature = /^enable (\w+);/m.exec(source)?.[1];
	if (feature !== undefined && !new RegExp(`feature\\s+${feature}`).test(text))
		faults.push(`feature ${feature} is not named`);
	if ((feature === undefined) !== /\bNo\s+features\b/.test(text)) faults.push("what it requires is not said");
	const references = Array.from(text.matchAll(/^Reference: (.*)$/gm), ([, reference]) => reference as string);
	if (references.length === 0 || !/^Reference: .*$/.test(text.split("\n").at(-1) ?? ""))
		faults.push("its last line is no reference");
	for (const reference of references) {
		if (reference === "none; it measures the adapter" && file.startsWith("probe_")) continue;
		const [path = "", name = ""] = reference.split(", ");
		const exported = await readFile(path, "utf8").catch(() => "");
		if (!new RegExp(`^export (?:function|class) ${name}\\b`, "m").test(exported))
			faults.push(`there is no ${reference}`);
	}
	return faults;
}

for (const file of files)
	test(`${file} has a header, bindings in order and no float atomics`, async () => {
		const source = await readFile(`kernels/${file}`, "utf8");
		assert.equal(await headerFaults(file, source), []);
		assert.match(source, /@workgroup_size/);
		const { kinds } = declarationsOf({ name: file, source });
		const storages = kinds.filter((kind) => kind !== "uniform");
		assert.ok(kinds.length > 0 && !Object.values(kinds).includes(undefined as never) && storages.length <= 8);
		assert.is(kinds.filter((kind) => kind !== undefined).length, kinds.length, "no gap between the bindings");
		assert.not.match(source, /atomicCompareExchangeWeak/);
		assert.not.match(source, /\bloop\s*\{|\bwhile\s*\(/);
	});

test("what is missing in a header is found", async () => {
	const source = await readFile("kernels/matmul.wgsl", "utf8");
	const damaged = {
		"it does not begin with the formula": source.replace(/^.*\n/, "// The product of two matrices.\n"),
		"binding b is not described": source.replace(/^\/\/ b {2}.*\n/m, ""),
		"what it requires is not said": source.replace("No features", "No barriers"),
		"there is no test/reference/matmul.ts, product": source.replace("matmul.ts, matmul", "matmul.ts, product"),
		"its last line is no reference": source.replace(/^\/\/ Reference.*\n/m, ""),
	};
	for (const [fault, text] of Object.entries(damaged)) assert.equal(await headerFaults("matmul.wgsl", text), [fault]);
	const blocked = await readFile("kernels/convolution.blocked.wgsl", "utf8");
	assert.equal(
		await headerFaults("convolution.blocked.wgsl", blocked.replace(/feature\s*(\/\/ )?subgroups/, "function")),
		["feature subgroups is not named"],
	);
});

test.run();
