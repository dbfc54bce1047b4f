const choices = ["auto", "light", "dark"] as const;
const names = { auto: "as the system", light: "light", dark: "dark" } as const;
const key = "tessera-report-theme";

/** Shows the button that chooses the theme. `changed` is called after each change, of the system's theme as well. */
export function startTheme(changed: () => void): void {
	const button = document.querySelector<HTMLButtonElement>("#theme");
	if (button === null) return;
	let chosen = choices.find((choice) => choice === remembered()) ?? "auto";
	const apply = () => {
		document.documentElement.dataset.theme = chosen;
		button.textContent = `Theme: ${names[chosen]}`;
		changed();
	};
	button.hidden = false;
	button.addEventListener("click", () => {
		chosen = choices[(choices.indexOf(chosen) + 1) % choices.length] ?? "auto";
		remember(chosen);
		apply();
	});
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
	apply();
}

/** A page from a file may be without storage. */
function remembered(): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

function remember(choice: string): void {
	try {
		localStorage.setItem(key, choice);
	} catch {
		// the choice then holds until the page is closed
	}
}
