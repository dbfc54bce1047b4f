import { type Gpu, nearestCode, Random } from "tessera-gpu";
import { compareIndices } from "../../../bench/argmin/compare_indices.js";
import { describe, type Layer, layers, multiplyAdds } from "../../../bench/conv/layers.js";
import { layerData, subject } from "../../../bench/conv/subject.js";
import { ours } from "../../../bench/harness/ours.js";
import { compareResults } from "../../../bench/harness/peers.js";
import { type Contender, type Result, timeAlternately } from "../../../bench/harness/timing.js";
import { openTraining } from "../../../bench/train/problem.js";
import type { BenchmarkRow, Times } from "../shared/benchmark.js";

type Tfjs = typeof import("./tfjs.js");

/** Something that is measured. */
export interface Subject {
	readonly name: string;
	measure(gpu: Gpu, tfjs: Tfjs | undefined, budget: number): Promise<BenchmarkRow>;
}

/** Rounds at most; the budget ends them before. */
const rounds = 25;
/** Browsers' clocks are as coarse as a tenth of a millisecond, or one. */
const sample = 20;
/** Calls that are not timed. */
const firstCalls = 3;
/** How closely losses of the first steps must agree, and how many are compared. */
const tolerance = 1e-3;
const comparedSteps = 3;

/** What is measured on an adapter: smaller sizes if it computes on the CPU. */
export function subjects(software: boolean): Subject[] {
	const batch = software ? 16 : 128;
	return [
		nearestCodes(6272, 128, 16),
		software ? nearestCodes(8192, 256, 64) : nearestCodes(65_536, 1024, 64),
		...layers(software)
			.filter(({ name }) => /^(enc|dec)/.test(name))
			.map((layer) => convolution({ ...layer, batch })),
		trainingStep(batch),
	];
}

function nearestCodes(rows: number, codes: number, dimensions: number): Subject {
	const name = `nearest-${rows}x${codes}x${dimensions}`;
	const measure: Subject["measure"] = async (gpu, tfjs, budget) => {
		const random = new Random(rows + codes + dimensions);
		const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
		const problem = { z: normal(rows * dimensions), codebook: normal(codes * dimensions), dimensions };
		const z = gpu.tensor(problem.z, [rows, dimensions]);
		const codebook = gpu.tensor(problem.codebook, [codes, dimensions]);
		const search = () => nearestCode(z, codebook);
		try {
			return await row({
				name,
				kind: "nearest code",
				what: `${rows.toLocaleString("en-US")} vectors, ${codes} codes of ${dimensions}`,
				operations: 2 * rows * codes * dimensions,
				ours: ours(gpu, search),
				budget,
				open: async () => {
					if (tfjs === undefined) return undefined;
					const result = search();
					const indices = await result.data();
					result.dispose();
					const { contenders, indices: theirs, close } = await tfjs.openTfjsArgmin(gpu, problem);
					const { firstWrong, secondWrong } = compareIndices(indices, theirs, problem);
					return { contenders, agrees: firstWrong === 0 && secondWrong === 0, close };
				},
			});
		} finally {
			z.dispose();
			codebook.dispose();
		}
	};
	return { name, measure };
}

function convolution(layer: Layer): Subject {
	const measure: Subject["measure"] = async (gpu, tfjs, budget) => {
		const random = new Random(1);
		const data = layerData(layer, () => random.uniform(-1, 1));
		const { operation: forward, dispose } = subject(gpu, layer, "forward", data);
		try {
			return await row({
				name: layer.name,
				kind: "convolution",
				what: `${layer.transposed ? "transposed, " : ""}${describe(layer)}`,
				operations: 2 * multiplyAdds(layer),
				ours: ours(gpu, forward),
				budget,
				open: async () => {
					if (tfjs === undefined) return undefined;
					const result = forward();
					const output = await result.data();
					result.dispose();
					const { peers, close } = await tfjs.openTfjsConvolution(gpu, layer, "forward", data);
					return { contenders: peers.map(({ contender }) => contender), agrees: agree(output, peers), close };
				},
			});
		} finally {
			dispose();
		}
	};
	return { name: layer.name, measure };
}

function agree(output: Float32Array, peers: Parameters<typeof compareResults>[1]): boolean {
	try {
		return compareResults(output, peers).wrong.length === 0;
	} catch {
		return false; // none has our result
	}
}

/** A training step of the reference network, by gradient, on a batch that stays the same. */
function trainingStep(batch: number): Subject {
	const name = `step-${batch}`;
	const measure: Subject["measure"] = async (gpu, tfjs, budget) => {
		const { model, trainer, images } = openTraining(gpu, batch);
		try {
			return await row({
				name,
				kind: "training step",
				what: `reference network, ${batch} images of 28 × 28`,
				operations: undefined,
				ours: ours(gpu, () => trainer.step(images)),
				budget,
				open: async () => {
					if (tfjs === undefined) return undefined;
					const { networks, close } = await tfjs.openTfjsTraining(gpu, model, batch);
					try {
						const losses: number[] = [];
						for (let step = 0; step < comparedSteps; step++) losses.push(await trainer.step(images).loss.item());
						let agrees = true;
						for (const { loss } of networks)
							for (const ourLoss of losses) agrees &&= Math.abs((await loss()) / ourLoss - 1) <= tolerance;
						return { contenders: networks.map(({ contender }) => contender), agrees, close };
					} catch (error) {
						close();
						throw error;
					}
				},
			});
		} finally {
			trainer.dispose();
			model.dispose();
			images.dispose();
		}
	};
	return { name, measure };
}

interface Opened {
	readonly contenders: readonly Contender[];
	readonly agrees: boolean;
	readonly close: () => void;
}

interface RowOptions {
	readonly name: string;
	readonly kind: BenchmarkRow["kind"];
	readonly what: string;
	readonly operations: number | undefined;
	readonly ours: Contender;
	readonly budget: number;
	/** Opens tfjs with the same inputs; undefined if it is not compared. */
	readonly open: () => Promise<Opened | undefined>;
}

/** Times ours and tfjs alternately. That tfjs fails is a note of the row. */
async function row({ name, kind, what, operations, ours, budget, open }: RowOptions): Promise<BenchmarkRow> {
	let opened: Opened | undefined;
	let note: string | null = null;
	try {
		opened = await open();
	} catch (error) {
		note = error instanceof Error ? error.message : String(error);
	}
	try {
		// The first calls compile and trace; how many calls make a sample is decided by a later one.
		for (let call = 0; call < firstCalls; call++) {
			ours.call();
			await ours.finish();
		}
		const results = await timeAlternately([ours, ...(opened?.contenders ?? [])], { rounds, budget, sample });
		const mine = results.get("ours") as Result;
		const others = [...results].filter(([other]) => other !== "ours").sort(([, a], [, b]) => a.median - b.median);
		const [fastest, theirs] = others[0] ?? [];
		if (others.length > 1)
			note = `the faster one of ${others
				.map(([other]) => other)
				.sort()
				.join(" and ")}: ${fastest}`;
		return {
			name,
			kind,
			what,
			gflops: operations === undefined ? null : operations / mine.median / 1e6,
			ours: timesOf(mine),
			tfjs: theirs === undefined ? null : timesOf(theirs),
			ratio: theirs === undefined ? null : theirs.median / mine.median,
			agrees: opened?.agrees ?? null,
			note,
		};
	} finally {
		opened?.close();
	}
}

function timesOf({ median, least, quartiles, runs }: Result): Times {
	return { median, minimum: least, quartiles, runs };
}
