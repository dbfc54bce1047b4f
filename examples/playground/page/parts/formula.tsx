/** A formula that the build has typeset as MathML. */
export function Formula({ mathml }: { readonly mathml: string }) {
	return <div class="formula" dangerouslySetInnerHTML={{ __html: mathml }} />;
}
