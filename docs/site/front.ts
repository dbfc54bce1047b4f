import template from "./front.html?text";
import { escapeHtml, fill } from "./html.js";
import { playground } from "./layout.js";
import { codeHtml, paragraphOf, renderMarkdown, scrolling, sectionOf, type Targets } from "./markdown.js";
import { mosaic } from "./mosaic.js";
import filter from "./samples/filter.js?text";
import spirals from "./samples/spirals.js?text";
import vqvae from "./samples/vqvae.js?text";
import wrongCall from "./samples/wrong_call.js?text";
import { bundleSize, programs } from "./sizes.js";

/** A program of the front page; `picture` is whether it draws on the canvas. */
export interface Sample {
	readonly name: string;
	readonly code: string;
	readonly picture: boolean;
}

const samples: readonly Sample[] = [
	{ name: "Learn a filter", code: filter, picture: false },
	{ name: "Two spirals", code: spirals, picture: true },
	{ name: "A VQ-VAE", code: vqvae, picture: true },
	{ name: "A wrong call", code: wrongCall, picture: false },
];

const entries: readonly (readonly [entry: string, contents: string])[] = [
	["tessera-gpu", "devices, tensors, operations, the tape, layers, optimizers, captured steps, safetensors"],
	["tessera-gpu/vqvae", "encoder, decoder, `VQVAE`, `Trainer`"],
	["tessera-gpu/quantizers", "codes by moving averages, by gradient, residual, finite scalar; initialisation"],
	["tessera-gpu/prior", "gated PixelCNN, its trainer, sampling, completing"],
	["tessera-gpu/digits", "digits that the library draws itself, as a data set"],
	["tessera-gpu/node", "for Node: adapters, images, data sets, runs"],
];

/** Titles of the readers' cards, in the order of the README's list. */
const readers = ["Networks in a page or a script", "A VQ-VAE and its codes", "Kernels"];

/**
 * The body of the front page.
 *
 * @param readme     the README, whose facts it shows
 * @param operations how many operations there are
 * @param hasPicture whether there is a picture of the playground
 */
export async function frontBody(
	readme: string,
	operations: number,
	targets: Targets,
	hasPicture: boolean,
): Promise<string> {
	const html = (markdown: string) => renderMarkdown(markdown, "README.md", targets, "index.html").html;
	const forWhom = sectionOf(readme, "## For whom");
	const cards = forWhom.split(/^- /m).slice(1);
	if (cards.length !== readers.length) throw new Error(`the README's "For whom" has ${cards.length} list items`);
	const sizes: [string, string][] = [];
	for (const [name, exports] of programs) sizes.push([name, `${((await bundleSize(exports)) / 1024).toFixed(1)} KB`]);
	const facts = [
		`${operations} operations with PyTorch’s names`,
		"MIT licence",
		`From ${sizes[0]?.[1]} gzipped`,
		"Browser and Node",
	];
	return fill(template, {
		lead: html(paragraphOf(readme, "A WebGPU compute library")).replace(/<\/?p>/g, ""),
		playground,
		facts: facts.map((fact) => `<li>${fact}</li>`).join("\n"),
		mosaic: mosaic(),
		program: codeHtml(filter.trimEnd(), "js"),
		samples: JSON.stringify(samples).replaceAll("<", "\\u003c"),
		picture: targets.picture(hasPicture ? ".github/playground.png" : ".github/reconstructions.png"),
		caption: hasPicture
			? "The playground while it trains."
			: html(paragraphOf(readme, "*Test digits")).replace(/<\/?(?:p|em)>/g, ""),
		readers: cards
			.map((card, i) => {
				const text = html((card.split(/\n\n/)[0] ?? "").replace(/\s+/g, " "));
				return `<div class="card"><h3>${readers[i]}</h3>\n${text}</div>`;
			})
			.join("\n"),
		speed: html(sectionOf(readme, "## How fast")),
		limits: html(paragraphOf(readme, "What it does not do:").replace("What it does not do: n", "N")),
		entries: twoColumns("The entries of the package", ["entry", "what it has"], entries, html),
		sizes: twoColumns("Sizes of bundles", ["a bundle of", "minified, gzipped"], sizes, html),
	});
}

/** A table of two columns: the first is code if it is an entry, the second Markdown. */
function twoColumns(
	label: string,
	[first, second]: readonly [string, string],
	rows: readonly (readonly [string, string])[],
	html: (markdown: string) => string,
): string {
	const cell = (text: string) => html(text.startsWith("tessera-gpu") ? `\`${text}\`` : text).replace(/<\/?p>\n?/g, "");
	const lines = rows.map(([name, text]) => `<tr><th scope="row">${cell(name)}</th><td>${cell(text)}</td></tr>`);
	const head = `<tr><th scope="col">${escapeHtml(first)}</th><th scope="col">${escapeHtml(second)}</th></tr>`;
	return scrolling(`<table><thead>${head}</thead><tbody>\n${lines.join("\n")}\n</tbody></table>`, label);
}
