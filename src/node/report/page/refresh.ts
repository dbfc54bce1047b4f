const seconds = 30;
/** A page that is older than this was left by a run that was killed. */
const mostHours = 3;
const key = "tessera-report-refresh";

/** Loads the page again every 30 seconds while the run goes on, unless the reader turns it off or the page is in the background. */
export function startRefreshing(): void {
	const label = document.querySelector<HTMLElement>("#refresh");
	const box = label?.querySelector("input");
	const written = document.querySelector<HTMLTimeElement>("#written");
	if (label === null || !box || written === null || document.documentElement.dataset.state !== "running") return;
	if (Date.now() - Date.parse(written.dateTime) > mostHours * 3_600_000) return;
	label.hidden = false;
	box.checked = stored() !== "off";
	box.addEventListener("change", () => store(box.checked ? "on" : "off"));
	setInterval(() => {
		if (box.checked && document.visibilityState === "visible") location.reload();
	}, 1000 * seconds);
}

function stored(): string | null {
	try {
		return sessionStorage.getItem(key);
	} catch {
		return null;
	}
}

function store(value: string): void {
	try {
		sessionStorage.setItem(key, value);
	} catch {
		// the choice then holds until the page is loaded again
	}
}
