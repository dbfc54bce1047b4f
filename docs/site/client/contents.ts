/** Marks the section that is read in the table of contents, and closes it after a choice if it covers the text. */
export function markContents(contents: HTMLElement): void {
	const links = [...contents.querySelectorAll<HTMLAnchorElement>("a[href^='#']")];
	const sections = links.flatMap((link) => {
		const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
		return heading === null ? [] : [{ link, heading }];
	});
	const mark = () => {
		const read = sections.filter(({ heading }) => heading.getBoundingClientRect().top < 120).at(-1);
		for (const { link } of sections) {
			if (link !== read?.link) link.removeAttribute("aria-current");
			else if (!link.hasAttribute("aria-current")) {
				link.setAttribute("aria-current", "true");
				const list = link.closest("ul");
				// Only the list scrolls, not the page.
				if (list !== null) list.scrollTop = link.offsetTop - list.clientHeight / 2;
			}
		}
	};
	let waiting = false;
	addEventListener(
		"scroll",
		() => {
			if (waiting) return;
			waiting = true;
			requestAnimationFrame(() => {
				waiting = false;
				mark();
			});
		},
		{ passive: true },
	);
	mark();
	const details = contents.querySelector("details");
	contents.addEventListener("click", ({ target }) => {
		const narrow = !matchMedia("(min-width: 70rem)").matches;
		if (details !== null && narrow && target instanceof Element && target.closest("a") !== null) details.open = false;
	});
}
