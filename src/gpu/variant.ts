import { MissingFeatureError } from "../base/errors.js";
import { type AdapterDescription, fixedSubgroupSize } from "./adapter.js";

/**
 * A variant of the kernels, named by the suffix of its files: "portable" (none) runs everywhere, "tiled"
 * (.tiled.wgsl) is for GPUs, "blocked" (.blocked.wgsl) for adapters that compute on the CPU. An operation
 * without a file of a variant uses its portable one.
 */
export type Variant = "portable" | "tiled" | "blocked";

export const variantNames = ["portable", "tiled", "blocked"] as const satisfies readonly Variant[];

/** What is chosen from, the preferred one first. */
export type Choices<C extends string> = readonly [C, ...C[]];

/** The variants that a device chooses from. */
export type Variants = Choices<Variant>;

/**
 * The variants that a device on this adapter chooses from.
 *
 * @param wanted the only one to use; if undefined, those that may be the fastest
 * @param tunes whether the device times them; if not, the first is used for most shapes
 * @throws MissingFeatureError if the adapter cannot run the wanted one
 */
export function variantsFor(adapter: AdapterDescription, wanted: Variant | undefined, tunes: boolean): Variants {
	const runsBlocked = fixedSubgroupSize(adapter) > 0;
	if (wanted === "blocked" && !runsBlocked)
		throw new MissingFeatureError(
			`openDevice: variant "blocked" needs subgroups of one size of at least 4, but this adapter has ${adapter.subgroupMinSize} to ${adapter.subgroupMaxSize}: leave variant out.`,
		);
	if (wanted !== undefined) return [wanted];
	if (adapter.software) return runsBlocked ? ["blocked", "portable"] : ["portable"];
	if (!tunes) return ["tiled"];
	return runsBlocked ? ["tiled", "portable", "blocked"] : ["tiled", "portable"];
}
