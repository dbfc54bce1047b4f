/**
 * The address of the repository on the web.
 *
 * @param field `repository` of package.json: "github:owner/name", an address, or { url }; undefined if it has none
 */
export function repositoryAddress(field: unknown): string | undefined {
	if (typeof field === "object" && field !== null && "url" in field) return repositoryAddress(field.url);
	if (typeof field !== "string") return undefined;
	const short = /^(?:github:)?([\w.-]+\/[\w.-]+)$/.exec(field)?.[1];
	if (short !== undefined) return `https://github.com/${short}`;
	const address = field.replace(/^git\+/, "").replace(/^(?:git|ssh):\/\/(?:git@)?/, "https://");
	return address.startsWith("https://") ? address.replace(/\.git$/, "") : undefined;
}
