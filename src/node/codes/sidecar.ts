import { isPlainObject } from "../../base/arguments.js";
import { FormatError } from "../../base/errors.js";
import { readFileIfThere, writeFileAtomic } from "../files.js";
import { type CodesInfo, checkInfo, checkLabels, checkTexts } from "./code_set.js";

/** What a file of codes cannot hold itself, in a JSON file next to it. */
export interface Sidecar {
	readonly info: CodesInfo;
	readonly names: readonly string[] | undefined;
	readonly labels: readonly number[] | undefined;
}

/** The file next to `codes.npy`: `codes.npy.json`. */
export function sidecarOf(path: string): string {
	return `${path}.json`;
}

export async function writeSidecar(path: string, { info, names, labels }: Sidecar): Promise<void> {
	await writeFileAtomic(sidecarOf(path), `${JSON.stringify({ ...info, labels, names })}\n`);
}

/**
 * Reads the file next to a file of codes.
 *
 * @param count how many images the file has; undefined if names and labels are not expected
 * @returns undefined if there is none
 * @throws FormatError naming it
 */
export async function readSidecar(path: string, count?: number): Promise<Sidecar | undefined> {
	const bytes = await readFileIfThere(sidecarOf(path));
	if (bytes === undefined) return undefined;
	try {
		const found: unknown = JSON.parse(bytes.toString());
		const info = checkInfo(found);
		if (count === undefined || !isPlainObject(found)) return { info, names: undefined, labels: undefined };
		const { names, labels } = found;
		return {
			info,
			names: names === undefined ? undefined : checkTexts("names", names, count),
			labels: labels === undefined ? undefined : checkLabels(labels, count),
		};
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new FormatError(
			`"${sidecarOf(path)}", which describes "${path}", is corrupt: ${reason}. Restore it, or delete it.`,
			{ cause },
		);
	}
}
