import { Card } from "../parts/card.js";
import { CodeTable, columnsFor, describeUse } from "../parts/code_table.js";
import { Plane } from "../parts/plane.js";
import { chosenCode, codebook, pointedCode, run } from "../store.js";

export function Codebook() {
	const { codes = 0, levels = 1 } = run.value ?? {};
	const view = codebook.value;
	const dead = view?.use.reduce((sum, use) => sum + (use < 0.5 ? 1 : 0), 0) ?? 0;
	const pointed = pointedCode.value;
	return (
		<Card
			id="codebook"
			title="The codebook"
			lead={
				<>
					Each square is one of the {codes} codes{levels > 1 ? " of the first level" : ""}, drawn by the decoder; the
					larger, the more it is used. Point at a code to see where the test images use it. Dead codes have a red frame;
					one that is re-initialised flashes.
				</>
			}
		>
			<CodeTable
				view={view}
				columns={columnsFor(codes)}
				label="Codes"
				pointed={pointed}
				chosen={chosenCode.value}
				onPoint={(code) => {
					pointedCode.value = code;
				}}
				onChoose={(code) => {
					chosenCode.value = code;
				}}
			/>
			<p class="hint" data-figure="dead">
				{pointed === undefined ? `${dead} of ${codes} codes are dead.` : `${capital(describeUse(view, pointed))}.`}
			</p>
			<Plane />
		</Card>
	);
}

function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
