import { escapeHtml, fill } from "./html.js";
import template from "./layout.html?text";
import type { Heading } from "./markdown.js";
import { documentPages } from "./pages.js";

/** What all pages have in common. */
export interface Site {
	readonly version: string;
	readonly repository: string | undefined;
	/** The addresses of the files that every page loads, with a part that changes with their contents. */
	readonly style: string;
	readonly script: string;
	readonly icon: string;
}

export interface Page {
	readonly file: string;
	readonly title: string;
	readonly description: string;
	/** HTML for the head, besides what every page has. */
	readonly head?: string;
	readonly body: string;
}

/** The picture of the header: four tiles, one of them rotated. */
export const logoTiles =
	'<path class="tile-1" d="M1 1h8v8h-8z"/><path class="tile-2" d="M11 1h8v8h-8z"/>' +
	'<path class="tile-3" d="M1 11h8v8h-8z"/><path class="tile-4" d="M12.3 10.6l7.1 2-2 7.1-7.1-2z"/>';

/** The address of the playground relative to the pages; build.mjs puts it there. */
export const playground = "playground/";

/** The whole HTML of a page. */
export function pageHtml(site: Site, page: Page): string {
	const link = (file: string, name: string) =>
		`<a href="${file}"${file === page.file ? ' aria-current="page"' : ""}>${escapeHtml(name)}</a>`;
	const linksIn = (where: "header" | "footer") =>
		documentPages.filter((document) => document.in === where).map(({ file, name }) => link(file, name));
	return fill(template, {
		title: escapeHtml(page.title),
		description: escapeHtml(page.description),
		icon: site.icon,
		style: site.style,
		script: site.script,
		head: page.head ?? "",
		logo: logoTiles,
		nav: [link(playground, "Playground"), ...linksIn("header")].join("\n"),
		body: page.body,
		version: site.version,
		repository: site.repository ? `, <a href="${escapeHtml(site.repository)}">source on GitHub</a>` : "",
		more: linksIn("footer").join("\n"),
	});
}

/** The body of a page that is one text, with its table of contents if there is one. */
export function documentBody(html: string, headings: readonly Heading[], deepest: number): string {
	const shown = headings.filter(({ depth }) => depth >= 2 && depth <= deepest);
	if (shown.length < 3) return `<main id="main" class="document"><article>\n${html}</article></main>`;
	const items = shown.map(({ depth, id, html }) => `<li class="depth-${depth}"><a href="#${id}">${html}</a></li>`);
	return `<div class="with-contents">
<nav class="contents" aria-label="On this page"><details><summary>On this page</summary>
<ul>
${items.join("\n")}
</ul></details>
<script>document.currentScript.previousElementSibling.open = matchMedia("(min-width: 70rem)").matches;</script>
</nav>
<main id="main" class="document"><article>
${html}</article></main>
</div>`;
}
