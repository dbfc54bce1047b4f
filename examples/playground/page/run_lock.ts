// A run belongs to one tab at a time, so that two tabs do not overwrite each other's.

let held: { readonly id: string; readonly release: () => void } | undefined;

function nameOf(id: string): string {
	return `tessera run ${id}`;
}

/** Takes the run for this tab, and frees the one that the tab had. @returns whether no other tab has it */
export async function holdRun(id: string): Promise<boolean> {
	if (held?.id === id) return true;
	const release = await new Promise<(() => void) | undefined>((resolve) => {
		navigator.locks
			.request(nameOf(id), { ifAvailable: true }, (lock) =>
				lock === null ? resolve(undefined) : new Promise<void>((end) => resolve(end)),
			)
			.catch(() => resolve(undefined));
	});
	if (release === undefined) return false;
	held?.release();
	held = { id, release };
	return true;
}

/** The ids of the runs that other tabs have. */
export async function runsOfOtherTabs(ids: readonly string[]): Promise<ReadonlySet<string>> {
	const locks = await navigator.locks.query();
	const names = new Set(locks.held?.map(({ name }) => name));
	return new Set(ids.filter((id) => id !== held?.id && names.has(nameOf(id))));
}
