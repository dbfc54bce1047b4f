/** The colour of a custom property such as "--accent", resolved for a canvas, which takes no light-dark(). */
export function colourOf(element: HTMLElement, name: string): string {
	element.style.color = `var(${name})`;
	const { color } = getComputedStyle(element);
	element.style.color = "";
	return color;
}
