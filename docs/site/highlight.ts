// Colours for code, when the pages are built and in the editor of the front page.

export interface Token {
	readonly kind: "comment" | "string" | "keyword" | "number" | "call" | "text";
	readonly text: string;
}

const keywords =
	"as async await break case catch class const continue default else export extends false finally for from function if " +
	"import in instanceof let new null of return super switch this throw true try typeof undefined using while yield";

const script = new RegExp(
	[
		"(?<comment>//[^\\n]*|/\\*[^]*?\\*/|<!--[^]*?-->)",
		'(?<string>"(?:\\\\.|[^"\\\\\\n])*"|`(?:\\\\.|[^`\\\\])*`)',
		`(?<keyword>\\b(?:${keywords.replaceAll(" ", "|")})\\b)`,
		"(?<number>\\b\\d[\\w.]*)",
		"(?<call>\\b[A-Za-z_$][\\w$]*(?=\\())",
	].join("|"),
	"g",
);
const shell = /(?<comment>(?<=^|\s)#[^\n]*)|(?<string>"[^"\n]*")|(?<keyword>(?<=\s)--?[a-z][\w-]*)/g;

const languages: Readonly<Record<string, RegExp>> = { js: script, ts: script, html: script, sh: shell };

/** Splits code into tokens, whose texts joined are the code. Code of another language is one token. */
export function tokensOf(code: string, language: string): Token[] {
	const tokens: Token[] = [];
	let end = 0;
	const pattern = languages[language];
	for (const match of pattern === undefined ? [] : code.matchAll(pattern)) {
		if (match.index > end) tokens.push({ kind: "text", text: code.slice(end, match.index) });
		const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? ["text"];
		tokens.push({ kind: kind as Token["kind"], text: match[0] });
		end = match.index + match[0].length;
	}
	if (end < code.length) tokens.push({ kind: "text", text: code.slice(end) });
	return tokens;
}
