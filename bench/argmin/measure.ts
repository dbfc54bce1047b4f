import { nearestCode } from "tessera-gpu";
import { Random } from "../../src/base/random.js";
import type { Bench } from "../harness/benchmark.js";
import { byKernel, extraMemory, gpuTime, type KernelCost, ours, stagesOf } from "../harness/ours.js";
import { attempt, type Library } from "../harness/peers.js";
import type { Measurement } from "../harness/report.js";
import { timesOf } from "../harness/times.js";
import { notesOn, timeAlternately } from "../harness/timing.js";
import { compareIndices, type Disagreement, type Problem } from "./compare_indices.js";
import type { TfjsArgmin } from "./tfjs_argmin.js";

/** One size of the nearest-code benchmark. */
export interface ArgminRow extends Measurement {
	/** Our time by timestamps, the median; `gflops` and the shares go by it. */
	readonly ours_gpu_ms: number;
	/** Most bytes allocated at one time besides inputs and result, and the largest buffer among them. */
	readonly extra_bytes: number;
	readonly largest_extra_bytes: number;
	/** tfjs with the fewest passes over the distances that its operations allow; `tfjs_ms` is the composition with three terms. */
	readonly tfjs_lean_ms: number | null;
	readonly tfjs_extra_bytes: number | null;
	/** In how many parts tfjs computed the rows; 1 unless its distances are larger than a binding may be. */
	readonly tfjs_parts: number | null;
	/** Rows for which tfjs found another code that is equally near in float32. */
	readonly ties: number | null;
	/** Rows for which tfjs found another code, and not because of rounding. */
	readonly mismatches: number | null;
	readonly jax_mismatches: number | null;
	/** The kernels, each launch by itself, by timestamps. */
	readonly stages: readonly (KernelCost & { readonly stage: string })[];
}

/**
 * Workgroups with barriers that SwiftShader has been seen to finish: for each it keeps the stacks of its invocations until the
 * dispatch is over, 17 GB and more at 262,144.
 */
const mostRowsOnSwiftShader = 2 ** 17;

/** How often each of a search's many launches is timed. */
const stageTiming = { rounds: 3, budget: 1 };

/** What a launch is for, by its kernel's name. */
function stageOf(kernel: string): string {
	if (/prepare/.test(kernel)) return "norms and transposition";
	if (/direct/.test(kernel)) return "undecided rows";
	if (/pack|block_|transpose|permute/.test(kernel)) return "packing";
	if (/reduce|merge|combine/.test(kernel)) return "second reduction";
	return /nearest_code/.test(kernel) ? "distances and reduction" : "other";
}

function randomProblem(rows: number, codes: number, dimensions: number): Problem {
	const random = new Random(rows + codes + dimensions);
	const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
	return { z: normal(rows * dimensions), codebook: normal(codes * dimensions), dimensions };
}

async function openOthers(bench: Bench, problem: Problem): Promise<[TfjsArgmin | Error, Library | Error]> {
	const { openTfjsArgmin } = await import("./tfjs_argmin.js");
	const { openJaxArgmin } = await import("./jax_argmin.js");
	return [
		await attempt(() => openTfjsArgmin(bench.gpu, problem)),
		await attempt(() => openJaxArgmin(bench.gpu, problem)),
	];
}

/** @throws Error if one of our indices is wrong by more than rounding */
function check(name: string, indices: Uint32Array, others: ArrayLike<number>, problem: Problem): Disagreement {
	const found = compareIndices(indices, others, problem);
	if (found.firstWrong > 0)
		throw new Error(`${found.firstWrong} of our ${indices.length} indices are of codes farther than those of ${name}.`);
	return found;
}

/** Measures one size. */
export async function measureArgmin(
	bench: Bench,
	{ rows, codes, dimensions }: { readonly rows: number; readonly codes: number; readonly dimensions: number },
): Promise<ArgminRow> {
	const { gpu, options } = bench;
	const problem = randomProblem(rows, codes, dimensions);
	using z = gpu.tensor(problem.z, [rows, dimensions]);
	using codebook = gpu.tensor(problem.codebook, [codes, dimensions]);
	const search = () => nearestCode(z, codebook);

	using result = search();
	const indices = await result.data();
	const extra = extraMemory(gpu, search, [z, codebook]);
	const notes: string[] = [];
	const tooMany = /swiftshader/i.test(gpu.adapter.description) && rows > mostRowsOnSwiftShader;
	if (tooMany && options.tfjs)
		notes.push("tfjs and jax-js are left out: their reductions, a workgroup a row, fill SwiftShader's memory");
	const [tfjs, jax] = options.tfjs && !tooMany ? await openOthers(bench, problem) : [undefined, undefined];
	for (const other of [tfjs, jax]) if (other instanceof Error) notes.push(other.message);
	const tfjsOpened = tfjs instanceof Error ? undefined : tfjs;
	const jaxOpened = jax instanceof Error ? undefined : jax;
	const jaxPeers = jaxOpened?.peers ?? [];
	try {
		const tfjsFound = tfjsOpened && check("tfjs", indices, tfjsOpened.indices, problem);
		const [jaxFound] = jaxPeers.map(({ result }) => check("jax-js", indices, result, problem));
		if (tfjsOpened !== undefined && tfjsOpened.parts > 1)
			notes.push(`tfjs computes the rows in ${tfjsOpened.parts} parts, since all distances at once exceed a binding`);
		if (tfjsFound !== undefined && tfjsFound.ties > 0)
			notes.push(`the ties' distances differ by at most ${tfjsFound.largestTie.toExponential(1)} of |z|² + |e|²`);
		if (tfjsFound !== undefined && tfjsFound.secondWrong > 0)
			notes.push("if the indices differ, the codes of tfjs are farther");
		if (jaxFound !== undefined && jaxFound.secondWrong > 0)
			notes.push(`${jaxFound.secondWrong} indices of jax-js are wrong`);

		const contenders = [...(tfjsOpened?.contenders ?? []), ...jaxPeers.map(({ contender }) => contender)];
		const results = await timeAlternately([ours(gpu, search), ...contenders], options);
		notes.push(...notesOn(results));
		const gpuMs = await gpuTime(gpu, search, options);
		const operations = 2 * rows * codes * dimensions;
		const bytes = 4 * (rows * dimensions + codes * dimensions + rows);
		return {
			name: `${rows}x${codes}x${dimensions}`,
			...timesOf(results),
			gflops: operations / gpuMs / 1e6,
			operations,
			bytes,
			ours_gpu_ms: gpuMs,
			extra_bytes: extra.peak,
			largest_extra_bytes: extra.largest,
			tfjs_lean_ms: results.get("tfjs lean")?.median ?? null,
			tfjs_extra_bytes: tfjsOpened?.extraBytes ?? null,
			tfjs_parts: tfjsOpened?.parts ?? null,
			ties: tfjsFound?.ties ?? null,
			mismatches: tfjsFound?.secondWrong ?? null,
			jax_mismatches: jaxFound?.secondWrong ?? null,
			stages: byKernel(await stagesOf(gpu, search, stageTiming)).map((cost) => ({
				...cost,
				stage: stageOf(cost.kernel),
			})),
			note: notes.length === 0 ? undefined : notes.join("; "),
		};
	} finally {
		tfjsOpened?.close();
		jaxOpened?.close();
	}
}
