// Small texts that the browser keeps for the page. A browser may refuse: then the page goes on without them.

/** "session": until the tab is closed. "local": until the user deletes it. */
type Kind = "session" | "local";

/** @throws DOMException if the browser's settings forbid storage */
function storage(kind: Kind): Storage {
	return kind === "session" ? sessionStorage : localStorage;
}

/** The text of this name; undefined if there is none. */
export function recall(kind: Kind, name: string): string | undefined {
	try {
		return storage(kind).getItem(name) ?? undefined;
	} catch {
		return undefined;
	}
}

export function remember(kind: Kind, name: string, text: string): void {
	try {
		storage(kind).setItem(name, text);
	} catch {
		// Storage is forbidden or full.
	}
}
