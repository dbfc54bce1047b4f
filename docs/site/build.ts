// Writes the pages of the library's site; `node build.mjs --site` calls it.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import tokens from "../../examples/playground/page/tokens.css?text";
import { type BenchmarkReport, benchmarkSections, computesOnCpu } from "./benchmarks.js";
import liveScript from "./client/live.ts?script";
import pageScript from "./client/main.ts?script";
import { frontBody } from "./front.js";
import { documentBody, logoTiles, type Page, pageHtml, type Site } from "./layout.js";
import { type RenderedMarkdown, renderMarkdown, sourceAddress, type Targets } from "./markdown.js";
import { type DocumentPage, documentPages } from "./pages.js";
import { repositoryAddress } from "./repository.js";
import style from "./style.css?text";

/** The entries of the package that a browser imports. */
const libraryEntries = ["index", "vqvae", "quantizers", "prior", "digits"];

/**
 * Writes the site into a folder. What is at site/playground/ stays.
 *
 * @throws Error if a source of a page is missing or lacks a part that is shown
 */
export async function writeSite(folder: string): Promise<void> {
	for (const name of existsSync(folder) ? await readdir(folder) : [])
		if (name !== "playground") await rm(join(folder, name), { recursive: true });
	await mkdir(folder, { recursive: true });

	/** Writes a file, and returns its address with a hash of its contents, so that no cache serves an old one. */
	async function asset(file: string, contents: string): Promise<string> {
		await mkdir(dirname(join(folder, file)), { recursive: true });
		await writeFile(join(folder, file), contents);
		return `${file}?v=${hashOf(contents)}`;
	}

	const { version, repository: field } = JSON.parse(await readFile("package.json", "utf8"));
	const repository = repositoryAddress(field);
	const site: Site = {
		version,
		repository,
		style: await asset("assets/style.css", `${tokens}\n${style}`),
		script: await asset("assets/page.js", pageScript),
		icon: await asset("assets/icon.svg", iconSvg()),
	};
	const pictures = new Map<string, string>();
	const targets: Targets = {
		pages: new Map(documentPages.map((document) => [document.source, document])),
		repository,
		picture: (path) => {
			pictures.set(path, `images/${basename(path)}`);
			return `images/${basename(path)}`;
		},
	};
	const write = (page: Page) => writeFile(join(folder, page.file), pageHtml(site, page));

	for (const document of documentPages) await write(await documentPage(document, targets));
	const readme = await readFile("README.md", "utf8");
	const operations = (await readFile("docs/operations.md", "utf8")).match(/^\| \[`/gm)?.length ?? 0;
	await write({
		file: "index.html",
		title: "Tessera: a WebGPU compute library with a VQ-VAE",
		description:
			"Handwritten WGSL kernels, tensors with autograd, and a VQ-VAE that trains in a browser tab and in Node.",
		head: `${await importMap(folder)}<script src="${await asset("assets/live.js", liveScript)}" defer></script>\n`,
		body: await frontBody(readme, operations, targets, existsSync(".github/playground.png")),
	});
	await mkdir(join(folder, "images"), { recursive: true });
	for (const [path, file] of pictures) await cp(path, join(folder, file));
}

function hashOf(contents: string): string {
	return createHash("sha256").update(contents).digest("hex").slice(0, 8);
}

/** The icon of the browser's tab, with colours that are seen on light and dark. */
function iconSvg(): string {
	const fills = ["#0b6ea3", "#c46a2b", "#1a7f5a", "#7b4ea3"];
	const style = fills.map((fill, i) => `.tile-${i + 1}{fill:${fill}}`).join("");
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><style>${style}</style>${logoTiles}</svg>\n`;
}

/** A page that is made from a Markdown file. */
async function documentPage(document: DocumentPage, targets: Targets): Promise<Page> {
	const { source, file, name, description, contents } = document;
	const markdown = await readFile(source, "utf8");
	let { html, headings }: RenderedMarkdown = renderMarkdown(markdown, source, targets);
	if (source === "bench/README.md") ({ html, headings } = await withResults(html, headings, targets));
	if (source === "docs/operations.md") html = withFilter(html);
	if (source === "README.md") html = html.replace(/>Tessera( <a class="anchor"|<\/h1>)/, ">Guide$1");
	const address = sourceAddress(targets, source);
	const made = address ? `<a href="${address}">${source}</a>` : `<code>${source}</code>`;
	html += `<p class="meta">This page is made from ${made} of the repository.</p>\n`;
	return { file, title: `${name} · Tessera`, description, body: documentBody(html, headings, contents) };
}

/** A box that filters the rows of all tables, which the page's script shows. */
function withFilter(html: string): string {
	const box = `<div class="filter" hidden><label for="filter">Filter</label>
<input id="filter" type="search" autocomplete="off" spellcheck="false" placeholder="conv, softmax, torch.where …">
<output for="filter" role="status"></output></div>\n`;
	// Each operation can be linked to by its name.
	const rows = html.replace(/<tr>\n<td>(<a [^>]*>)?<code>(\w+)\(/g, '<tr id="$2">\n<td>$1<code>$2(');
	return rows.replace("<h2 ", `${box}<h2 `);
}

/** The benchmarks page: the results of each adapter, and below them how they were measured. */
async function withResults(
	method: string,
	methodHeadings: RenderedMarkdown["headings"],
	{ repository }: Targets,
): Promise<RenderedMarkdown> {
	const files = (await readdir("bench/results")).filter((file) => file.endsWith(".json")).sort();
	const reports = [];
	for (const file of files) {
		const path = join("bench/results", file);
		const report: BenchmarkReport = JSON.parse(await readFile(path, "utf8"));
		reports.push({ report, chart: await readFile(path.replace(/json$/, "svg"), "utf8") });
	}
	const results = benchmarkSections(reports);
	const issues = repository
		? `<a href="${repository}/issues">an issue of the repository</a>`
		: "an issue of the repository";
	const intro = `<p>Tessera next to tfjs-backend-webgpu and jax-js on the same device, in one process, run alternately. Each
ratio is the other library’s time over Tessera’s: over 1, Tessera is faster. Times are medians, ± half the
interquartile range.</p>
<div class="notice"><h2 id="numbers-from-your-gpu">Numbers from your GPU</h2>
<p>${reports.every(({ report }) => computesOnCpu(report.adapter)) ? "No GPU has been measured yet. " : ""}In a clone of the repository:</p>
<pre tabindex="0" role="group" aria-label="Code"><code>npm ci &amp;&amp; npm run bench -- --adapter gpu</code></pre>
<p>It writes a JSON file and a chart for each benchmark to <code>bench/results/</code>. Without a clone, the
<a href="playground/">playground</a> has a short benchmark under “The machine”, whose result is a file and a line to
copy. Please post either in ${issues}, with the name of the card.</p></div>\n`;
	const split = method.indexOf("</h1>") + "</h1>".length;
	const howTo =
		'<h2 id="how-to-run-them">How to run them <a class="anchor" href="#how-to-run-them" aria-label="Link to How to run them">#</a></h2>';
	return {
		html: `${method.slice(0, split)}\n${intro}${results.html}\n${howTo}\n${method.slice(split)}`,
		headings: [
			{ depth: 2, id: "numbers-from-your-gpu", html: "Numbers from your GPU" },
			...results.headings,
			{ depth: 2, id: "how-to-run-them", html: "How to run them" },
			...methodHeadings.filter(({ depth }) => depth === 2),
		],
	};
}

/** Copies the files of dist/ that a browser loads to lib/, and returns an import map of the package's names. */
async function importMap(folder: string): Promise<string> {
	const files = new Set(libraryEntries.map((entry) => `${entry}.js`));
	const imports: Record<string, string> = {};
	for (const file of files) {
		const text = await readFile(join("dist", file), "utf8");
		for (const [, path = ""] of text.matchAll(/(?:from|import|import\()\s*"(\.[^"]+\.js)"/g))
			files.add(posix.join(posix.dirname(file), path));
		await mkdir(dirname(join(folder, "lib", file)), { recursive: true });
		for (const name of [file, `${file}.map`]) await cp(join("dist", name), join(folder, "lib", name));
		const entry = basename(file, ".js");
		// The other files have a hash of their contents in their names.
		if (libraryEntries.includes(entry))
			imports[entry === "index" ? "tessera-gpu" : `tessera-gpu/${entry}`] = `./lib/${file}?v=${hashOf(text)}`;
	}
	return `<script type="importmap">${JSON.stringify({ imports })}</script>\n`;
}
