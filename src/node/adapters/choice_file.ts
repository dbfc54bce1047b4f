import { join } from "node:path";
import type { AdapterDescription } from "../../gpu/adapter.js";
import type { ChoiceStore } from "../../gpu/tuner.js";
import { choicesName } from "../../tensor/choice_store.js";
import { cacheFolder, readFileIfThere, writeFileAtomic } from "../files.js";

/** Keeps the tuner's choices in a file per adapter in the cache folder. Without a writable folder they are not kept. */
export function choiceFile(adapter: AdapterDescription): ChoiceStore {
	const name = choicesName(adapter).replace(/[^A-Za-z0-9.]+/g, "-");
	const path = join(cacheFolder(), `${name}.json`);
	return {
		async read() {
			const bytes = await readFileIfThere(path).catch(() => undefined);
			return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
		},
		async write(text) {
			await writeFileAtomic(path, text).catch(() => undefined);
		},
	};
}
