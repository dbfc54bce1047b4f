// The cases of test/golden/operations/make_operations.py, and how each operation is called with them.
import * as t from "tessera-gpu";
import goldens from "../golden/operations/operations.json" with { type: "json" };

/** An array as PyTorch computed it. */
export interface Golden {
	readonly shape: readonly number[];
	readonly data: readonly number[];
	readonly dtype?: string;
}

/** A call of an operation. */
export interface Case {
	readonly op: string;
	readonly options: Readonly<Record<string, unknown>>;
	readonly inputs: readonly Golden[];
	readonly output: Golden;
	readonly w?: Golden;
	readonly gradients?: readonly Golden[];
}

type Any = t.AnyTensor;
type Call = (inputs: readonly t.Tensor[], options: never) => Any;

/** All operations by name. */
const library = new Map(Object.entries(t)) as ReadonlyMap<string, unknown>;

function named(name: string): (...values: unknown[]) => Any {
	return library.get(name) as (...values: unknown[]) => Any;
}

/** An operation whose arguments are the tensors, then the options if there are any. */
function plain(name: string): Call {
	const call = named(name);
	return (inputs, options) => (Object.keys(options).length === 0 ? call(...inputs) : call(...inputs, options));
}

/** One with some of the options as arguments between the tensors and the other options. */
function positional(name: string, ...first: string[]): Call {
	const call = named(name);
	return ([x, ...others], options: Readonly<Record<string, unknown>>) => {
		const rest = Object.entries(options).filter(([key]) => !first.includes(key));
		const given = rest.length === 0 ? [] : [Object.fromEntries(rest)];
		return call(x, ...first.map((key) => options[key]), ...others, ...given);
	};
}

/** A layer with a bias or a weight and a bias among its options. */
function withOptions(name: string, ...names: string[]): Call {
	const call = named(name);
	return (inputs, options: Readonly<Record<string, unknown>>) => {
		const rest = inputs.slice(inputs.length - names.length);
		const tensors = Object.fromEntries(names.map((key, i) => [key, rest[i]]));
		return call(...inputs.slice(0, inputs.length - names.length), { ...options, ...tensors });
	};
}

const special: Readonly<Record<string, Call>> = {
	cast: positional("cast", "dtype"),
	cumsum: positional("cumsum", "axis"),
	softmax: positional("softmax", "axis"),
	logSoftmax: positional("logSoftmax", "axis"),
	reshape: positional("reshape", "shape"),
	expand: positional("expand", "shape"),
	permute: positional("permute", "order"),
	transpose: positional("transpose", "first", "second"),
	flip: positional("flip", "axis"),
	unsqueeze: positional("unsqueeze", "axis"),
	flatten: positional("flatten", "start"),
	slice: positional("slice", "axis", "start", "end", "step"),
	pad: positional("pad", "padding"),
	indexSelect: positional("indexSelect", "axis"),
	gather: positional("gather", "axis"),
	scatterAdd: positional("scatterAdd", "axis"),
	oneHot: positional("oneHot", "classes"),
	maxPool2d: positional("maxPool2d", "kernelSize"),
	avgPool2d: positional("avgPool2d", "kernelSize"),
	adaptiveAvgPool2d: positional("adaptiveAvgPool2d", "size"),
	conv2d: withOptions("conv2d", "bias"),
	convTranspose2d: withOptions("convTranspose2d", "bias"),
	conv1d: withOptions("conv1d", "bias"),
	split: ([x], { size, axis }: { size: number; axis: number }) => t.split(x as t.Tensor, size, axis).at(-1) as Any,
	stack: (inputs, { axis }: { axis: number }) => t.stack(inputs, axis),
	cat: (inputs, { axis }: { axis: number }) => t.cat(inputs, axis),
	layerNorm: ([x, weight, bias], { shape }: { shape: number[] }) => t.layerNorm(x as t.Tensor, shape, { weight, bias }),
	groupNorm: ([x, weight, bias], { groups }: { groups: number }) =>
		t.groupNorm(x as t.Tensor, groups, { weight, bias }),
	batchNorm2d: ([x, weight, bias]) => t.batchNorm2d(x as t.Tensor, { weight, bias, training: true }),
};

export const cases = goldens as readonly Case[];

/** The operations, in the order of their cases. */
export const names = [...new Set(cases.map(({ op }) => op))];

/** The inputs of a case: parameters, and integers. */
export function inputsOf(gpu: t.Gpu, { inputs }: Case): (t.Parameter | t.Tensor<"int32">)[] {
	return inputs.map(({ shape, data, dtype }) =>
		dtype === "int32" ? gpu.tensor(Int32Array.from(data), shape) : gpu.parameter(Float32Array.from(data), shape),
	);
}

/** The result of a case; call it in a scope. */
export function resultOf(gpu: t.Gpu, { op, options }: Case, inputs: readonly Any[]): Any {
	const call = special[op] ?? plain(op);
	const given = { ...options, ...(Array.isArray(options.mask) && { mask: gpu.tensor(options.mask) }) };
	return call(inputs as t.Tensor[], given as never);
}
