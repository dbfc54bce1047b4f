/** The name of a number and its text; the id, if it has one, is what tests find it by. */
export type Figure = readonly [name: string, value: string | number, id?: string];

/** Numbers with their names. */
export function Figures({ figures }: { readonly figures: readonly Figure[] }) {
	return (
		<dl class="figures">
			{figures.map(([name, value, id]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd data-figure={id}>{value}</dd>
				</div>
			))}
		</dl>
	);
}
