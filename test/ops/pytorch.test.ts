// Operations on small inputs, compared with what PyTorch computed in float64; made by test/golden/operations/make_operations.py.
import * as t from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import goldens from "../golden/operations/operations.json" with { type: "json" };
import { assertClose, device, variants } from "../support.js";

const test = suite("operations against PyTorch");

interface Golden {
	readonly shape: readonly number[];
	readonly data: readonly number[];
	readonly dtype?: string;
}

interface Case {
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

const cases = goldens as readonly Case[];
const names = [...new Set(cases.map(({ op }) => op))];

test("every operation is there with at least three cases", () => {
	assert.ok(names.length > 75, `${names.length}`);
	for (const name of names) assert.ok(cases.filter(({ op }) => op === name).length >= 3, name);
});

for (const name of names)
	test(name, async () => {
		const call = special[name] ?? plain(name);
		const hasVariants = /matmul|linear|conv|Attention/.test(name);
		for (const gpu of hasVariants ? await variants({ tiled: true }) : [await device()])
			for (const { inputs, options, output, w, gradients = [] } of cases.filter(({ op }) => op === name)) {
				const message = `${name} (${gpu.variants[0]}) ${JSON.stringify(options)} ${JSON.stringify(inputs.map(({ shape }) => shape))}`;
				const tensors = inputs.map(({ shape, data, dtype }) =>
					dtype === "int32" ? gpu.tensor(Int32Array.from(data), shape) : gpu.parameter(Float32Array.from(data), shape),
				);
				const given = { ...options, ...(Array.isArray(options.mask) && { mask: gpu.tensor(options.mask) }) };
				const y = gpu.scope(() => {
					const y = call(tensors as t.Tensor[], given as never);
					if (w !== undefined) t.backward(t.sum(t.mul(y as t.Tensor, gpu.tensor([...w.data], w.shape))));
					return y;
				});
				assert.equal([...y.shape], [...output.shape], message);
				assertClose(await y.data(), output.data, 1e-5, message);
				const parameters = tensors.filter((tensor): tensor is t.Parameter => tensor instanceof t.Parameter);
				for (const [i, gradient] of gradients.entries()) {
					const parameter = parameters[i] as t.Parameter;
					assertClose(await parameter.grad.data(), gradient.data, 1e-4, `${message}: gradient ${i}`);
				}
				for (const tensor of [y, ...tensors]) tensor.dispose();
			}
	});

test.run();
