/** A formula that the build has typeset as MathML; a long one is scrolled on a narrow screen, also by keyboard. */
export function Formula({ mathml }: { readonly mathml: string }) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: it may be scrolled
		<figure class="formula" tabIndex={0} aria-label="Formula" dangerouslySetInnerHTML={{ __html: mathml }} />
	);
}
