import type { AdapterDescription } from "../gpu/adapter.js";
import type { ChoiceStore } from "../gpu/tuner.js";

/** A name for what was measured on an adapter: another driver is another adapter. */
export function choicesName({ vendor, architecture, device, description }: AdapterDescription): string {
	return `kernels ${[vendor, architecture, device, description].filter((part) => part !== "").join(" ")}`;
}

/** Keeps choices in the browser's storage for this site; in memory alone where there is none. */
export function browserChoiceStore(adapter: AdapterDescription): ChoiceStore {
	const key = `tessera-gpu ${choicesName(adapter)}`;
	return {
		async read() {
			try {
				return globalThis.localStorage?.getItem(key) ?? undefined;
			} catch {
				return undefined; // the browser was told to keep nothing
			}
		},
		async write(text) {
			try {
				globalThis.localStorage?.setItem(key, text);
			} catch {
				// they hold as long as the device
			}
		},
	};
}
