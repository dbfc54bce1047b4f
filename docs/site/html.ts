/** Escapes text for HTML, between tags and in attributes. */
export function escapeHtml(text: string): string {
	const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
	return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

/**
 * Replaces each {{name}} of a template by a value.
 *
 * @throws Error if a name has no value, or a value no name
 */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
	const unused = new Set(Object.keys(values));
	const filled = template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
		const value = values[name];
		if (value === undefined) throw new Error(`the template's {{${name}}} has no value`);
		unused.delete(name);
		return value;
	});
	if (unused.size > 0) throw new Error(`the template has no {{${[...unused].join("}}, {{")}}}`);
	return filled;
}
