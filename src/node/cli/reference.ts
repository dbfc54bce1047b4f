import type { CommandDeclaration } from "./command.js";
import { acceptedBy, defaultOf, flagOf, listed, type Option, usageOf } from "./options.js";

/** What one command accepts, as Markdown. */
function sectionOf(program: string, { name, description, examples, arguments: words, options }: CommandDeclaration) {
	const usage = Object.entries(words).map(([word, { several }]) => (several ? `[${word}...]` : `<${word}>`));
	return [
		`### ${program} ${name}`,
		"",
		`\`${[program, name, ...usage, "[options]"].join(" ")}\``,
		"",
		description,
		"",
		...Object.entries(words).map(([word, { help }]) => `- \`${word}\`: ${help}`),
		...(Object.keys(words).length > 0 ? [""] : []),
		"| option | meaning | accepted | default |",
		"| --- | --- | --- | --- |",
		...Object.entries(options).map(
			([key, option]) =>
				`| \`${usageOf(key, option)}\` | ${meaningOf(option)} | ${acceptedBy(option)} | ${defaultOf(option)} |`,
		),
		"",
		"```sh",
		...examples,
		"```",
		"",
	].join("\n");
}

function meaningOf(option: Option): string {
	if (option.kind === "flag" || option.onlyWith === undefined) return option.help;
	const { option: other, values } = option.onlyWith;
	return `${option.help}; only with \`${flagOf(other)}\` ${listed(values)}`;
}

/** The commands of a program with their arguments and options, as Markdown. */
export function referenceOf(program: string, commands: readonly CommandDeclaration[]): string {
	return commands.map((command) => sectionOf(program, command)).join("\n");
}
