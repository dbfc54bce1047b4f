import { Random } from "../../base/random.js";
import { centre, type View } from "../images/image_source.js";

export interface AugmentOptions {
	readonly flip?: boolean | undefined;
	readonly crop?: "center" | "random" | undefined;
	readonly seed: number;
}

/** Makes the random numbers of views others than those of weights and order. */
const viewSeed = 0x76696577;

/**
 * Which part of each image an epoch uses, and whether it is mirrored: the same for the same seed and epoch, if it is called with the
 * same batches in the same order. Undefined if it is always the middle.
 */
export function viewsOfEpoch(
	{ flip = false, crop = "center", seed }: AugmentOptions,
	epoch: number,
): ((indices: Uint32Array) => View[]) | undefined {
	if (!flip && crop === "center") return undefined;
	const random = new Random((seed ^ viewSeed) + 7919 * epoch);
	return (indices) =>
		Array.from(indices, () => {
			const place = crop === "random" ? { x: random.uniform(), y: random.uniform() } : { x: centre.x, y: centre.y };
			return { ...place, flipped: flip && random.uniform() < 0.5 };
		});
}
