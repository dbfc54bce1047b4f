// The page docs/operations.md, from the doc comments of src/ and from what the operations launch.
import { readdir, readFile } from "node:fs/promises";
import { markdownTable } from "markdown-table";
import { backward, openDevice, sum, type Tensor } from "tessera-gpu";
import { cases, inputsOf, names, resultOf } from "../ops/golden_calls.js";

/** A function that src/index.ts exports. */
interface Operation {
	readonly name: string;
	readonly file: string;
	/** `name(argument, argument?)` */
	readonly signature: string;
	/** The first sentence of its doc comment. */
	readonly summary: string;
}

const groups: readonly (readonly [title: string, files: RegExp])[] = [
	["Elementwise, two operands and three", /\/(binary|pow|compare|where)\.ts$/],
	["Elementwise, one operand", /\/(unary|relu|cast|scale)\.ts$/],
	["Reductions", /\/(sum|extreme|variance|log_sum_exp|arg_reduce|cumsum|softmax)\.ts$/],
	["Shape", /\/(reshape|permute|expand|slice|cat|pad|flip)\.ts$/],
	["Indices", /\/(indexing|one_hot|embedding)\.ts$/],
	["Products", /\/(matmul|linear|attention)/],
	["Networks", /\/(conv_transpose2d|conv2d|conv1d|pooling|norms|dropout)\.ts$/],
	["Losses", /\/(mse_loss|pair_losses|cross_entropy|nll_loss)\.ts$/],
	["Codes and images", /\/(nearest_code|quantize|straight_through|count_codes|perplexity|images)\.ts$/],
	["Gradients and operations of one's own", /\/(backward|tape|define_operation|grad_check)\.ts$/],
];

/** The names that src/index.ts exports from operations and the tape, with the files that define them. */
async function exportedFunctions(): Promise<[string, string][]> {
	const index = await readFile("src/index.ts", "utf8");
	return [...index.matchAll(/export \{([^}]*)\} from "\.\/((?:ops|autograd)\/[\w/]+)\.js";/g)].flatMap(
		([, list = "", file]) =>
			list
				.split(",")
				.map((name) => name.trim())
				.filter((name) => name !== "" && !name.startsWith("type "))
				.map((name): [string, string] => [name, `src/${file}.ts`]),
	);
}

/** The function's own text; a file may export it from another one. */
async function describe(name: string, file: string): Promise<Operation> {
	const text = await readFile(file, "utf8");
	const found = new RegExp(
		`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*export (?:async )?function ${name}(?:<[^(]*>)?\\(([\\s\\S]*?)\\n?\\): `,
	).exec(text);
	if (found === null) throw new Error(`${file} has no documented function ${name}`);
	const [, comment = "", parameters = ""] = found;
	const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trim());
	const body = lines.join(" ").split(/ @\w+/)[0] as string;
	const summary = /^.*?[.](?= [A-Z]|\s*$)/.exec(body.trim())?.[0] ?? body.trim();
	return { name, file, signature: `${name}(${argumentsOf(parameters).join(", ")})`, summary };
}

/** The names of parameters, with ? for those that may be left out. */
function argumentsOf(parameters: string): string[] {
	let depth = 0;
	let part = "";
	const parts: string[] = [];
	for (const [i, letter] of [...parameters].entries()) {
		if ("([{<".includes(letter)) depth++;
		if (")]}".includes(letter) || (letter === ">" && parameters[i - 1] !== "=")) depth--;
		if (letter === "," && depth === 0) {
			parts.push(part);
			part = "";
		} else part += letter;
	}
	parts.push(part);
	return parts
		.map((each) => each.trim())
		.filter((each) => each !== "")
		.map((each) => {
			const [, rest = "", name = "", mark = ""] = /^(\.\.\.)?(\w+)(\??)/.exec(each) ?? [];
			return `${rest}${name}${mark === "?" || / = /.test(each) ? "?" : ""}`;
		});
}

/** The kernels that each operation launches, forward and backward, with the portable variants. */
async function launchedKernels(): Promise<Map<string, { forward: Set<string>; backward: Set<string> }>> {
	const gpu = await openDevice({ variant: "portable", announce: false });
	const kernels = new Map<string, { forward: Set<string>; backward: Set<string> }>();
	for (const name of names) {
		const own = cases.filter(({ op }) => op === name);
		if (own.length === 0) continue;
		const found = { forward: new Set<string>(), backward: new Set<string>() };
		for (const each of own) {
			const inputs = inputsOf(gpu, each);
			gpu.scope(() => {
				gpu.onLaunch = ({ kernel }) => found.forward.add(kernel.name);
				const y = resultOf(gpu, each, inputs);
				gpu.onLaunch = undefined;
				if (each.w === undefined) return;
				const loss = sum(y as Tensor);
				gpu.onLaunch = ({ kernel }) => found.backward.add(kernel.name);
				backward(loss);
				gpu.onLaunch = undefined;
			});
		}
		// The gradient of the sum.
		found.backward.delete("binary.wgsl");
		kernels.set(name, found);
	}
	await gpu.finish();
	gpu.dispose();
	return kernels;
}

/** Links to kernels, with their variants. */
function links(kernels: Iterable<string>, all: readonly string[]): string {
	return [...kernels]
		.map((kernel) => {
			const stem = kernel.replace(/\.wgsl$/, "");
			const suffixes = ["tiled", "blocked"].filter((suffix) => all.includes(`${stem}.${suffix}.wgsl`));
			const others = suffixes.map((suffix) => `[${suffix}](../kernels/${stem}.${suffix}.wgsl)`);
			return [`[${stem}](../kernels/${kernel})`, ...others].join(" ");
		})
		.join(", ");
}

/** Links to the plain versions that the headers of kernels name. */
async function references(kernels: Iterable<string>): Promise<string> {
	const found = new Map<string, string>();
	for (const kernel of kernels) {
		const header = await readFile(`kernels/${kernel}`, "utf8");
		for (const [, path = "", name = ""] of header.matchAll(/^\/\/ Reference: (\S+), (\w+)$/gm)) found.set(name, path);
	}
	return [...found].map(([name, path]) => `[${name}](../${path})`).join(", ");
}

/** The text of docs/operations.md. */
export async function operationsPage(): Promise<string> {
	const operations = await Promise.all((await exportedFunctions()).map(([name, file]) => describe(name, file)));
	const launched = await launchedKernels();
	const all = await readdir("kernels");
	const left = new Set(operations);
	const sections: string[] = [];
	for (const [title, files] of groups) {
		const own = operations.filter(({ file }) => files.test(file));
		for (const operation of own) left.delete(operation);
		const sorted = own.toSorted((a, b) => (a.name < b.name ? -1 : 1));
		const rows = await Promise.all(
			sorted.map(async ({ name, file, signature, summary }) => {
				const kernels = launched.get(name);
				return [
					`[\`${signature}\`](../${file})`,
					summary.replaceAll("|", "\\|"),
					kernels === undefined ? "" : links(kernels.forward, all),
					kernels === undefined ? "" : links(kernels.backward, all),
					kernels === undefined ? "" : await references(kernels.forward),
				];
			}),
		);
		const table = markdownTable([["operation", "what it computes", "kernels", "backward", "reference"], ...rows], {
			alignDelimiters: false,
			padding: true,
		});
		sections.push(`## ${title}\n\n${table}`);
	}
	if (left.size > 0) throw new Error(`no group has ${[...left].map(({ name }) => name).join(", ")}`);
	return `# Operations

All of them are exported by \`tessera-gpu\`. They have PyTorch's names in camelCase and its meaning; arguments with ? may be
left out. The doc comments, which editors show, have shapes, dtypes, errors and examples. The kernels are
those that a small case launches with the portable variants, without those that sum the gradient of a broadcast operand;
next to them are the variants for GPUs (tiled) and for CPU adapters (blocked). The reference is the plain version in
float64 that the tests compare with.

This page is written by \`npm run docs\`.

${sections.join("\n\n")}
`;
}
