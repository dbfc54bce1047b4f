import fillKernel from "../../kernels/fill.wgsl";
import randomKernel from "../../kernels/random.wgsl";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { checkShape, type Shape } from "../base/shape.js";
import { arrays, type DType } from "./dtype.js";
import { checkDTypeName, checkElement } from "./host_data.js";
import { normalQuantiles } from "./normal_quantiles.js";
import { RandomKeys } from "./random_keys.js";
import type { Gpu, RandomKey, RandomOptions, Tensor } from "./tensor.js";

/** The values of OPERATION in kernels/fill.wgsl. */
const fillOperations = { constant: 0, range: 1, identity: 2 } as const;

/** What a tensor is filled with. */
interface Filling {
	readonly start: number;
	/** For "range": from an element to the next (default 0). */
	readonly step?: number;
	/** For "identity": the length of a row (default 1). */
	readonly columns?: number;
}

/** Makes the tensors of a device that kernels fill, and has its random numbers; the methods are documented in `Gpu`. */
export class TensorMaker {
	random = new Random(0);
	private readonly keys = new RandomKeys();
	private quantiles: Int32Array | undefined;

	constructor(private readonly gpu: Gpu) {}

	manualSeed(seed: number): void {
		checkNumber("gpu.manualSeed", "seed", seed, { whole: true });
		this.random = new Random(seed);
	}

	randomKey(seed?: number): RandomKey {
		return this.keys.next(this.gpu, seed);
	}

	constant<D extends DType>(caller: string, shape: Shape, value: number, dtype: D = "float32" as D): Tensor<D> {
		checkDTypeName(caller, dtype);
		checkElement(caller, "value", value, dtype);
		return this.filled(caller, shape, dtype, "constant", { start: value });
	}

	range<D extends DType>(first: number, last?: number, step = 1, dtype: D = "float32" as D): Tensor<D> {
		const caller = "gpu.arange";
		const [start, end] = last === undefined ? [0, first] : [first, last];
		checkNumber(caller, last === undefined ? "end" : "start", first);
		checkNumber(caller, "end", end);
		checkNumber(caller, "step", step);
		const count = Math.ceil((end - start) / step);
		if (step === 0 || count < 0)
			throw new ArgumentError(`${caller}: step must lead from start ${start} to end ${end}, but is ${step}.`);
		checkDTypeName(caller, dtype);
		if (dtype !== "float32") {
			checkNumber(caller, "step", step, { whole: true });
			for (const value of [start, start + Math.max(0, count - 1) * step])
				checkElement(caller, value === start ? "start" : "the last number", value, dtype);
		}
		return this.filled(caller, [count], dtype, "range", { start, step });
	}

	identity(rows: number, columns = rows): Tensor {
		checkNumber("gpu.eye", "rows", rows, { least: 0, whole: true });
		checkNumber("gpu.eye", "columns", columns, { least: 0, whole: true });
		return this.filled("gpu.eye", [rows, columns], "float32", "identity", { start: 1, columns });
	}

	/** Numbers that kernels/random.wgsl draws, of the normal distribution or uniform. */
	randomNumbers(caller: string, shape: Shape, options: RandomOptions = {}, normal: boolean): Tensor {
		checkShape(caller, shape);
		checkOptions(caller, options, ["seed"]);
		const { seed } = options;
		if (seed !== undefined) checkNumber(caller, "seed", seed, { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true });
		const { gpu } = this;
		const out = gpu.empty(shape);
		const key = this.randomKey(seed);
		if (out.size === 0) return out;
		this.quantiles ??= normalQuantiles();
		gpu.launch(randomKernel, {
			constants: { NORMAL: normal ? 1 : 0 },
			bindings: [key(), gpu.uniform(this.quantiles), out.memory()],
			workgroups: Math.ceil(out.size / 256),
		});
		return out;
	}

	/** A tensor that kernels/fill.wgsl fills. */
	private filled<D extends DType>(
		caller: string,
		shape: Shape,
		dtype: D,
		operation: keyof typeof fillOperations,
		{ start, step = 0, columns = 1 }: Filling,
	): Tensor<D> {
		checkShape(caller, shape);
		const out = this.gpu.empty(shape, dtype);
		if (out.size === 0) return out;
		const [startWord, stepWord] = [start, step].map((value) => new Uint32Array(arrays[dtype].of(value).buffer)[0]);
		this.gpu.launch(fillKernel, {
			constants: { OPERATION: fillOperations[operation], TYPE: dtype === "float32" ? 0 : 1 },
			bindings: [out.memory()],
			uniforms: { start, step, startWord, stepWord, columns },
			workgroups: Math.ceil(out.size / 256),
		});
		return out;
	}
}
