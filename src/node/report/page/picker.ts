/** Makes each element with data-picker a list whose items show their titles in a line below: under the pointer, or by arrow keys. */
export function startPickers(): void {
	for (const list of document.querySelectorAll<HTMLElement>("[data-picker]")) startPicker(list);
}

function startPicker(list: HTMLElement): void {
	const readout = document.getElementById(list.dataset.picker ?? "");
	const items = Array.from(list.children, (item) => item as HTMLElement);
	if (readout === null || items.length === 0) return;
	list.setAttribute("role", "listbox");
	list.setAttribute("aria-orientation", "horizontal");
	list.tabIndex = 0;
	for (const [i, item] of items.entries()) {
		item.id = `${list.dataset.picker}-${i}`;
		item.setAttribute("role", "option");
		item.setAttribute("aria-label", item.title);
	}
	let picked = -1;
	const pick = (index: number) => {
		const item = items[index];
		if (item === undefined) return;
		items[picked]?.setAttribute("aria-selected", "false");
		picked = index;
		item.setAttribute("aria-selected", "true");
		list.setAttribute("aria-activedescendant", item.id);
		readout.textContent = item.title;
	};
	const pickUnder = ({ target }: Event) => pick(items.findIndex((item) => item.contains(target as Node)));
	list.addEventListener("pointerover", pickUnder);
	list.addEventListener("click", pickUnder);
	list.addEventListener("keydown", (event) => {
		const to = target(event.key, picked, items);
		if (to === undefined) return;
		event.preventDefault();
		pick(Math.max(0, Math.min(items.length - 1, to)));
		items[picked]?.scrollIntoView({ block: "nearest" });
	});
}

/** The item that a key leads to. */
function target(key: string, from: number, items: readonly HTMLElement[]): number | undefined {
	const top = items[0]?.offsetTop;
	const perRow = items.findIndex((item) => item.offsetTop !== top);
	const row = perRow < 0 ? items.length : perRow;
	switch (key) {
		case "ArrowRight":
			return from + 1;
		case "ArrowLeft":
			return from - 1;
		case "ArrowDown":
			return from + row < items.length ? from + row : from;
		case "ArrowUp":
			return from - row >= 0 ? from - row : from;
		case "Home":
			return 0;
		case "End":
			return items.length - 1;
		default:
			return undefined;
	}
}
