import type { AdapterDescription } from "../gpu/adapter.js";
import type { ChoiceStore } from "../gpu/tuner.js";

/** A name for an adapter's timings; another driver is another adapter. */
export function choicesName({ vendor, architecture, device, description }: AdapterDescription): string {
	return `kernels ${[vendor, architecture, device, description].filter((part) => part !== "").join(" ")}`;
}

/** Keeps timings in the browser's storage for this site; if there is none, they are kept as long as the device. */
export function browserChoiceStore(adapter: AdapterDescription): ChoiceStore {
	const key = `tessera-gpu ${choicesName(adapter)}`;
	return {
		async read() {
			try {
				return globalThis.localStorage?.getItem(key) ?? undefined;
			} catch {
				return undefined; // storage is turned off
			}
		},
		async write(text) {
			try {
				globalThis.localStorage?.setItem(key, text);
			} catch {
				// storage is full or turned off
			}
		},
	};
}
