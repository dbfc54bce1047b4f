import { dirname, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ArgumentError } from "../../base/errors.js";
import type { DataOptions } from "./data_options.js";

/** Image caches of all runs next to each other. */
export function cacheFolderOf(run: string): string {
	return join(dirname(resolve(run)), ".images");
}

/** The data options as they were given: config.json has the number of channels that followed from the images. */
export function dataOptionsOf<Options extends DataOptions>(
	config: Readonly<Record<string, unknown>>,
	options: Options,
): Options {
	const { givenChannels } = config;
	if (givenChannels === undefined) return options; // of an earlier version
	return { ...options, channels: typeof givenChannels === "number" ? givenChannels : undefined };
}

/**
 * @param given the options that were given now
 * @param allowed those that may differ
 * @throws ArgumentError naming the others that differ from config.json
 */
export function checkUnchanged(
	caller: string,
	config: Readonly<Record<string, unknown>>,
	given: Readonly<Record<string, unknown>>,
	allowed: readonly string[],
): void {
	const different = Object.entries(given).filter(
		([key, value]) => value !== undefined && !allowed.includes(key) && !isDeepStrictEqual(config[key], value),
	);
	if (different.length === 0) return;
	const listed = different.map(([key, value]) => {
		const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
		return `${flag} was ${JSON.stringify(config[key]) ?? "not given"} and is ${JSON.stringify(value)}`;
	});
	throw new ArgumentError(
		`${caller}: a run continues with its own settings, but ${listed.join(", ")}. Leave them out, or start a new run. Only ${allowed.map((key) => `--${key}`).join(" and ")} may change.`,
	);
}
