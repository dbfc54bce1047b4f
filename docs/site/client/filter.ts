/** Lets a box hide the rows of the page's tables that lack a word of it, and sections without a row. */
export function filterRows(box: HTMLElement): void {
	const input = box.querySelector("input");
	const output = box.querySelector("output");
	if (input === null || output === null) return;
	const tables = [...document.querySelectorAll<HTMLElement>("article .scroll")].map((table) => ({
		// The heading and what stands between it and the table belong to the table.
		parts: partsOf(table),
		rows: [...table.querySelectorAll<HTMLElement>("tbody tr")].map((row) => ({
			row,
			text: (row.textContent ?? "").toLowerCase(),
		})),
	}));
	const all = tables.reduce((sum, { rows }) => sum + rows.length, 0);
	const apply = () => {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		let shown = 0;
		for (const { parts, rows } of tables) {
			let any = false;
			for (const { row, text } of rows) {
				row.hidden = !words.every((word) => text.includes(word));
				if (row.hidden) continue;
				any = true;
				shown++;
			}
			for (const part of parts) part.hidden = !any;
		}
		output.value = words.length === 0 ? `${all} operations` : `${shown} of ${all} operations`;
	};
	input.addEventListener("input", apply);
	apply();
	box.hidden = false;
	// A link to an operation shows it, whatever the box says.
	addEventListener("hashchange", () => {
		const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
		if (target?.closest("[hidden]") == null) return;
		input.value = "";
		apply();
		target.scrollIntoView();
	});
}

/** The table and what precedes it up to its heading, the heading included. */
function partsOf(table: HTMLElement): HTMLElement[] {
	const parts = [table];
	for (let part = table.previousElementSibling; part instanceof HTMLElement; part = part.previousElementSibling) {
		parts.push(part);
		if (/^H\d$/.test(part.tagName)) break;
	}
	return parts;
}
