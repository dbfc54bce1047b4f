import { useSignal } from "@preact/signals";
import { remember } from "../remembered.js";
import { machine, session } from "../store.js";

interface HeaderProps {
	readonly panels: readonly { readonly id: string; readonly name: string }[];
}

export function Header({ panels }: HeaderProps) {
	return (
		<header class="top">
			<div class="brand">
				<h1>
					<a href="../index.html">Tessera</a> <span>playground</span>
				</h1>
				<p class="adapter" data-phase={session.value.phase}>
					{stateText()}
				</p>
				<ThemeButton />
			</div>
			<nav aria-label="Panels">
				{panels.map(({ id, name }) => (
					<a key={id} href={`#${id}`}>
						{name}
					</a>
				))}
			</nav>
		</header>
	);
}

function stateText(): string {
	const { phase, hidden } = session.value;
	const { adapter, software } = machine.value ?? {};
	if (phase === "opening") return "Opening the GPU …";
	if (phase === "no adapter") return "No GPU";
	if (phase === "preparing") return "Making the network ready …";
	if (phase === "recovering") return "The GPU was lost; opening it again …";
	if (phase === "failed") return "Stopped";
	if (hidden) return "Paused while the tab is hidden";
	return software === true ? `CPU: ${adapter}` : `GPU: ${adapter}`;
}

function ThemeButton() {
	const isDark = useSignal(
		(document.documentElement.dataset.theme ??
			(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark",
	);
	const toggle = () => {
		isDark.value = !isDark.value;
		const theme = isDark.value ? "dark" : "light";
		document.documentElement.dataset.theme = theme;
		remember("local", "theme", theme);
	};
	return (
		<button type="button" class="quiet" onClick={toggle} aria-pressed={isDark.value}>
			Dark
		</button>
	);
}
