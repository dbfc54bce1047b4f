import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { showError } from "./actions.js";
import { engine } from "./engine.js";
import { Codebook } from "./panels/codebook.js";
import { Data } from "./panels/data.js";
import { Draw } from "./panels/draw.js";
import { How } from "./panels/how.js";
import { MachinePanel } from "./panels/machine.js";
import { Prior } from "./panels/prior.js";
import { Runs } from "./panels/runs.js";
import { SlowMotion } from "./panels/slow_motion.js";
import { TakeAlong } from "./panels/take_along.js";
import { Train } from "./panels/train.js";
import { WhatIf } from "./panels/what_if.js";
import { Fallback } from "./parts/fallback.js";
import { Header } from "./parts/header.js";
import { Messages } from "./parts/messages.js";
import { missing } from "./parts/missing.js";
import { useVisiblePanels, visiblePanels } from "./parts/visible.js";
import { isReady } from "./store.js";

/** The panels in their order. */
const panels = [
	{ id: "train", name: "Train", Panel: Train },
	{ id: "codebook", name: "Codebook", Panel: Codebook },
	{ id: "draw", name: "Draw", Panel: Draw },
	{ id: "prior", name: "Prior", Panel: Prior },
	{ id: "slow-motion", name: "Slow motion", Panel: SlowMotion },
	{ id: "what-if", name: "What if", Panel: WhatIf },
	{ id: "data", name: "Your images", Panel: Data },
	{ id: "runs", name: "Runs", Panel: Runs },
	{ id: "take-along", name: "Take it along", Panel: TakeAlong },
	{ id: "machine", name: "The machine", Panel: MachinePanel },
	{ id: "how", name: "How it works", Panel: How },
] as const;

/** The sections that are shown if the page cannot train. */
const readable = [
	{ id: "missing", name: "What is missing" },
	{ id: "recorded", name: "A recorded run" },
	{ id: "how", name: "How it works" },
] as const;

const ids = panels.map(({ id }) => id);
const readableIds = readable.map(({ id }) => id);

export function App() {
	const { value: lacking } = missing;
	useVisiblePanels(lacking === undefined ? ids : readableIds);
	useEffect(
		() =>
			effect(() => {
				const shown = visiblePanels.value;
				if (!isReady.value) return;
				engine.session.watch({ codebook: true, plane: shown.has("codebook") || shown.has("how") }).catch(showError);
			}),
		[],
	);
	return (
		<>
			<a class="skip" href={lacking === undefined ? "#train" : "#recorded"}>
				Skip to the {lacking === undefined ? "training" : "recorded run"}
			</a>
			<Header panels={lacking === undefined ? panels : readable} />
			<main>
				<Messages />
				{lacking !== undefined ? (
					<>
						<Fallback missing={lacking} />
						<How />
					</>
				) : (
					panels.map(({ id, Panel }) => <Panel key={id} />)
				)}
			</main>
			<footer>
				<p>
					Everything runs in this tab: nothing that you draw or open leaves your machine.{" "}
					<a href="../index.html">Tessera</a> · <a href="../operations.html">Operations</a> ·{" "}
					<a href="../decisions.html">Decisions</a> · <a href="../benchmarks.html">Benchmarks</a>
				</p>
			</footer>
		</>
	);
}
