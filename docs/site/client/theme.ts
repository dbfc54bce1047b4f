/** The theme that is kept, under the same key as the playground's. */
function kept(): string | null {
	try {
		return localStorage.getItem("theme");
	} catch {
		return null; // storage is blocked: the theme lasts as long as the page
	}
}

function keep(theme: string): void {
	try {
		localStorage.setItem("theme", theme);
	} catch {}
}

/** Makes a button that switches between the light and the dark theme, and follows other tabs. */
export function themeSwitch(button: HTMLButtonElement): void {
	const root = document.documentElement;
	const system = matchMedia("(prefers-color-scheme: dark)");
	const isDark = () => (root.dataset.theme === undefined ? system.matches : root.dataset.theme === "dark");
	const label = () => {
		const text = isDark() ? "Switch to the light theme" : "Switch to the dark theme";
		button.setAttribute("aria-label", text);
		button.title = text;
	};
	button.addEventListener("click", () => {
		const theme = isDark() ? "light" : "dark";
		root.dataset.theme = theme;
		keep(theme);
		label();
	});
	system.addEventListener("change", label);
	addEventListener("storage", ({ key }) => {
		if (key !== "theme" && key !== null) return;
		const theme = kept();
		if (theme === "light" || theme === "dark") root.dataset.theme = theme;
		else delete root.dataset.theme;
		label();
	});
	label();
	button.hidden = false;
}
