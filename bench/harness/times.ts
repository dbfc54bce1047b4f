import type { Spread } from "./statistics.js";

/** The times of a row: milliseconds of the clock from the call to the end of its work on the GPU, medians. */
export interface Times {
	readonly ours_ms: number;
	readonly ours_quartiles: readonly [number, number];
	readonly ours_runs: number;
	/** tfjs on the same device, the faster of its settings; null if it was not or could not be measured. */
	readonly tfjs_ms: number | null;
	readonly tfjs_quartiles: readonly [number, number] | null;
	readonly tfjs_runs: number;
	/** tfjs_ms / ours_ms */
	readonly ratio: number | null;
	/** jax-js on the same device; null if it was not or could not be measured. */
	readonly jax_ms: number | null;
	readonly jax_quartiles: readonly [number, number] | null;
	readonly jax_runs: number;
	/** jax_ms / ours_ms */
	readonly jax_ratio: number | null;
	/** The smaller of the two ratios: that to the faster of the two libraries. */
	readonly peer_ratio: number | null;
}

/**
 * The contenders whose fastest is the time of tfjs: with its settings as they are, or in both settings of a
 * flag.
 */
const tfjsSettings = ["tfjs", "tfjs naive", "tfjs matmul"];

/**
 * The times of a row from those of its contenders: "ours", "jax-js", and tfjs in one or two settings.
 *
 * @throws Error if ours was not measured
 */
export function timesOf(results: ReadonlyMap<string, Spread>): Times {
	const ours = results.get("ours");
	if (ours === undefined) throw new Error("ours was not measured");
	const [tfjs] = tfjsSettings.flatMap((name) => results.get(name) ?? []).sort((a, b) => a.median - b.median);
	const jax = results.get("jax-js");
	const ratios = [tfjs, jax].flatMap((spread) => (spread === undefined ? [] : [spread.median / ours.median]));
	return {
		ours_ms: ours.median,
		ours_quartiles: ours.quartiles,
		ours_runs: ours.runs,
		tfjs_ms: tfjs?.median ?? null,
		tfjs_quartiles: tfjs?.quartiles ?? null,
		tfjs_runs: tfjs?.runs ?? 0,
		ratio: tfjs === undefined ? null : tfjs.median / ours.median,
		jax_ms: jax?.median ?? null,
		jax_quartiles: jax?.quartiles ?? null,
		jax_runs: jax?.runs ?? 0,
		jax_ratio: jax === undefined ? null : jax.median / ours.median,
		peer_ratio: ratios.length === 0 ? null : Math.min(...ratios),
	};
}
