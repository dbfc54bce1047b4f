/** A fenced block of a Markdown file. */
export interface Block {
	/** The word after the opening fence: "js", "sh", … */
	readonly language: string;
	readonly code: string;
	/** The line of the opening fence, counted from 1. */
	readonly line: number;
}

/** @throws Error if a fence is not closed, or opened inside another block */
export function blocksOf(markdown: string): Block[] {
	const blocks: Block[] = [];
	let open: { readonly language: string; readonly line: number; readonly code: string[] } | undefined;
	for (const [i, text] of markdown.split("\n").entries()) {
		const fence = /^\s*(?:```|~~~)(.*)$/.exec(text);
		if (fence === null) {
			open?.code.push(text);
			continue;
		}
		const language = (fence[1] ?? "").trim();
		if (open === undefined) {
			open = { language, line: i + 1, code: [] };
			continue;
		}
		if (language !== "") throw new Error(`line ${i + 1}: a block begins inside of the one of line ${open.line}`);
		blocks.push({ language: open.language, code: open.code.join("\n"), line: open.line });
		open = undefined;
	}
	if (open !== undefined) throw new Error(`line ${open.line}: the block does not end`);
	return blocks;
}
