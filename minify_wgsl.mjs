// Minifies kernels: no comments, no unnecessary blanks, short names, types and numbers. Lines keep their numbers, so
// that the line numbers in a compiler's messages are those of the file in kernels/.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A word, a number or the name of an attribute; words start with a letter. */
const token = /[A-Za-z_]\w*|\d[\w.]*|@\w+/g;
const keywords = new Set(
	"alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop override requires return struct switch true var while as do of".split(
		" ",
	),
);
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

function withoutComments(source) {
	if (source.includes("/*")) throw new Error("minify_wgsl.mjs: only // comments are supported");
	return source.replace(/\/\/.*$/gm, "");
}

/** Removes blanks, except between two words and between two signs that would become another one. */
function withoutBlanks(source) {
	return source
		.replace(/^[ \t]+|[ \t]+$/gm, "")
		.replace(/(?<!\w) (?=\w)|(?<=\w) (?!\w)|(?<![-+*/%&|^!=<>]) (?=[^\w\s])|(?<=[^\w\s]) (?![-+*/%&|^!=<>\w\s])/g, "");
}

/** Types and numbers in their shortest form. */
function shortened(source) {
	return source
		.replace(/\b(vec[234])<([fiu])32>/g, "$1$2")
		.replace(/\b(\d+\.)0\b/g, "$1")
		.replace(/\b0(\.\d+)/g, "$1");
}

/** The names that only the kernel itself uses. */
function ownNames(source) {
	const kept = new Set(["main", "Slice", ...keywords]);
	// Overrides and the fields of uniforms are set by name; attributes, address spaces and directives have words of the language.
	for (const [, name] of source.matchAll(/\boverride\s+(\w+)/g)) kept.add(name);
	for (const [, name, type] of source.matchAll(/var<(?:uniform|storage, read)>\s*(\w+)\s*:\s*(\w+)\s*;/g)) {
		const struct = new RegExp(`struct ${type} \\{([^}]*)\\}`).exec(source);
		if (struct === null) kept.add(name);
		else if (type !== "Slice") for (const [, field] of struct[1].matchAll(/(\w+)\s*:/g)) kept.add(field);
	}
	for (const [, text] of source.matchAll(/(?:@\w+\(|\bvar<|\b(?:enable|requires|diagnostic)\b)([^)>;]*)/g))
		for (const [name] of text.matchAll(token)) kept.add(name);
	const names = new Set();
	for (const [, name] of source.matchAll(/\b(?:let|const|var(?:<[^>]*>)?|fn|struct|alias)\s+([A-Za-z_]\w*)/g))
		names.add(name);
	for (const [, name] of source.matchAll(/(?<![\w@.])([A-Za-z_]\w*)\s*:/g)) names.add(name);
	return new Set([...names].filter((name) => name.length > 2 && !kept.has(name) && !/^([xyzw]+|[rgba]+)$/.test(name)));
}

/** All names, the shortest first. */
function* shortNames() {
	for (let shorter = [""]; ; ) {
		const names = shorter.flatMap((start) => [...letters].map((letter) => start + letter));
		yield* names;
		shorter = names;
	}
}

/**
 * A function that minifies the files of a folder. A name is replaced by the same short one in all of them, so similar
 * kernels stay similar, which gzip uses.
 */
export async function kernelMinifier(folder) {
	const files = (await readdir(folder)).filter((file) => file.endsWith(".wgsl")).sort();
	const sources = await Promise.all(
		files.map(async (file) => withoutComments(await readFile(join(folder, file), "utf8"))),
	);
	const uses = new Map();
	const taken = new Set(keywords);
	for (const source of sources) {
		const own = ownNames(source);
		for (const [name] of source.matchAll(token))
			if (own.has(name)) uses.set(name, (uses.get(name) ?? 0) + 1);
			else taken.add(name);
	}
	const free = shortNames();
	const short = new Map();
	for (const [name] of [...uses].sort(([, a], [, b]) => b - a)) {
		let next = free.next().value;
		while (taken.has(next)) next = free.next().value;
		short.set(name, next);
	}
	return (text) => {
		const source = withoutComments(text);
		const own = ownNames(source);
		return shortened(
			withoutBlanks(source.replace(token, (name) => (own.has(name) ? (short.get(name) ?? name) : name))),
		);
	};
}
