import { posix } from "node:path";
import { Marked, Renderer, type Tokens } from "marked";
import { tokensOf } from "./highlight.js";
import { escapeHtml } from "./html.js";
import type { DocumentPage } from "./pages.js";

/** Where the links of the Markdown files lead on the site. */
export interface Targets {
	/** The pages, by the paths of their sources in the repository. */
	readonly pages: ReadonlyMap<string, DocumentPage>;
	/** The address of the repository on the web, if it is known. */
	readonly repository: string | undefined;
	/** Takes a picture of the repository to the site, and returns its address relative to the pages. */
	readonly picture: (path: string) => string;
}

export interface Heading {
	readonly depth: number;
	readonly id: string;
	/** HTML without links. */
	readonly html: string;
}

export interface RenderedMarkdown {
	readonly html: string;
	readonly headings: readonly Heading[];
}

/** Code as HTML, in colours. */
export function codeHtml(code: string, language: string): string {
	return tokensOf(code, language)
		.map(({ kind, text }) => (kind === "text" ? escapeHtml(text) : `<span class="${kind}">${escapeHtml(text)}</span>`))
		.join("");
}

/** A table that scrolls inside of itself if it is too wide, also by the keyboard. */
export function scrolling(table: string, label: string): string {
	return `<div class="scroll" role="group" tabindex="0" aria-label="${escapeHtml(label)}">${table}</div>\n`;
}

/** The address of a file of the repository on the web, if the repository is known. */
export function sourceAddress({ repository }: Targets, path: string): string | undefined {
	return repository && `${repository}/blob/HEAD/${path}`;
}

/** The id of a heading, as GitHub makes it. */
function slug(text: string): string {
	return text
		.toLowerCase()
		.replace(/[^\p{L}\p{N}\s_-]/gu, "")
		.replace(/\s/g, "-");
}

/**
 * Renders Markdown: headings with anchors, tables that scroll, code in colours, and links that lead to the other pages or to the
 * repository.
 *
 * @param source the file's path in the repository, from which its links are resolved
 * @param page   the page that the HTML is for, if that is another one than the file's own
 */
export function renderMarkdown(markdown: string, source: string, targets: Targets, page?: string): RenderedMarkdown {
	const headings: Heading[] = [];
	const ids = new Map<string, number>();
	let place = "Table";

	/** The id, with a number if there is already one. */
	function unique(id: string): string {
		const count = ids.get(id) ?? 0;
		ids.set(id, count + 1);
		return count === 0 ? id : `${id}-${count}`;
	}

	/** The path of a linked file in the repository, and the part of it; undefined for another address. */
	function targetOf(href: string): { path: string; hash: string } | undefined {
		if (/^[a-z]+:/.test(href)) return undefined;
		const [path = "", anchor] = href.split("#");
		return {
			path: path === "" ? source : posix.normalize(posix.join(posix.dirname(source), path)),
			hash: anchor === undefined ? "" : `#${anchor}`,
		};
	}

	/** The address of a link, or undefined if it cannot be reached from the site. */
	function addressOf(href: string): string | undefined {
		const target = targetOf(href);
		if (target === undefined) return href;
		const file = targets.pages.get(target.path)?.file;
		if (file === undefined) return sourceAddress(targets, target.path);
		const own = page ?? targets.pages.get(source)?.file;
		return file === own ? target.hash || file : `${file}${target.hash}`;
	}

	const marked = new Marked({
		renderer: {
			heading({ tokens, depth }: Tokens.Heading) {
				const html = this.parser.parseInline(tokens);
				place = this.parser.parseInline(tokens, this.parser.textRenderer);
				const plain = html.replace(/<\/?a\b[^>]*>/g, "");
				const id = unique(slug(place));
				headings.push({ depth, id, html: plain });
				const anchor =
					depth === 1 ? "" : ` <a class="anchor" href="#${id}" aria-label="Link to ${escapeHtml(place)}">#</a>`;
				return `<h${depth} id="${id}">${html}${anchor}</h${depth}>\n`;
			},
			link({ href, text: name, tokens }: Tokens.Link) {
				// A link that is called by a file's name is called by the name of its page.
				const linked = /(?:^README|\.md)$/.test(name) ? targets.pages.get(targetOf(href)?.path ?? "") : undefined;
				const text = linked === undefined ? this.parser.parseInline(tokens) : escapeHtml(linked.name);
				const address = addressOf(href);
				return address === undefined ? text : `<a href="${escapeHtml(address)}">${text}</a>`;
			},
			codespan({ text }: Tokens.Codespan) {
				// No line ends after the hyphens of an option.
				return `<code>${escapeHtml(text).replace(/(?<=^|\s)--?\w[\w-]*/g, '<span class="option">$&</span>')}</code>`;
			},
			image({ href, text }: Tokens.Image) {
				const path = posix.normalize(posix.join(posix.dirname(source), href));
				return `<img src="${targets.picture(path)}" alt="${escapeHtml(text)}" loading="lazy">`;
			},
			code({ text, lang = "" }: Tokens.Code) {
				const code = codeHtml(text, lang);
				return `<pre tabindex="0" role="group" aria-label="Code"><code>${code}</code></pre>\n`;
			},
			table(token: Tokens.Table) {
				// A header without text is no header.
				const html = Renderer.prototype.table.call(this, token).replace(/<th[^>]*><\/th>/g, "<td></td>");
				return scrolling(html, `Table: ${place.replace(/&\w+;/g, "")}`);
			},
		},
	});
	return { html: marked.parse(markdown, { async: false }), headings };
}

/**
 * The Markdown between a heading and the next one of its depth, without the heading.
 *
 * @throws Error if there is no such heading
 */
export function sectionOf(markdown: string, heading: string): string {
	const start = markdown.indexOf(`\n${heading}\n`);
	if (start < 0) throw new Error(`there is no heading ${heading}`);
	const rest = markdown.slice(start + heading.length + 2);
	const end = rest.search(new RegExp(`^${/^#+/.exec(heading)?.[0]} `, "m"));
	return (end < 0 ? rest : rest.slice(0, end)).trim();
}

/** The paragraph of a Markdown text that begins with these words. @throws Error if there is none */
export function paragraphOf(markdown: string, start: string): string {
	const paragraph = markdown.split(/\n{2,}/).find((text) => text.startsWith(start));
	if (paragraph === undefined) throw new Error(`no paragraph begins with ${start}`);
	return paragraph;
}
