import { checkInstance } from "../base/arguments.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { Layer, Module } from "./module.js";

interface Row {
	readonly label: string;
	readonly shape: string;
	readonly parameters: string;
}

interface Totals {
	parameters: number;
	/** As torchinfo counts them: parameters × output positions, for transposed convolutions too. */
	countedMultiplyAdds: number;
	/** Those that the forward pass computes. */
	multiplyAdds: number;
	/** Elements of the outputs of layers with parameters. */
	outputs: number;
}

const columns = [45, 25, 15] as const;
const bytesPerElement = 4;

/**
 * The table that torchinfo prints for a model: the tree of its layers with output shapes and parameter
 * counts, and the totals as torchinfo counts them. Below the totals, which do not include them, are the
 * modules that are not layers (a quantizer), and the multiply-adds that the forward pass computes.
 *
 * @param inputShape with the batch
 * @throws ShapeError if the model does not take such an input
 * @example
 * console.log(summary(new VQVAE(gpu, { inChannels: 1 }), [1, 1, 28, 28]));
 */
export function summary(model: Module, inputShape: Shape): string {
	checkInstance("summary", "model", model, Module, "a Module");
	checkShape("summary", inputShape, "inputShape");
	model.cost(inputShape); // refuses an input that the model does not take
	const rows: Row[] = [];
	const totals: Totals = { parameters: 0, countedMultiplyAdds: 0, multiplyAdds: 0, outputs: 0 };
	const counters = new Map<number, number>();
	const apart: { name: string; module: Module; output: Shape; multiplyAdds: number }[] = [];
	let shape = inputShape;
	const children = model instanceof Layer ? [model] : model.children().map(([, child]) => child);
	for (const child of children) {
		const { output, multiplyAdds } = child.cost(shape);
		if (child instanceof Layer) addRows(child, shape, 1, rows, totals, counters);
		else apart.push({ name: child.constructor.name, module: child, output, multiplyAdds });
		shape = output;
	}

	const width = columns.reduce((sum, column) => sum + column, 0);
	const double = "=".repeat(width);
	const megabytes = (elements: number) => (elements * bytesPerElement) / 1e6;
	const input = megabytes(sizeOf(inputShape));
	const passes = 2 * megabytes(totals.outputs);
	const parameters = megabytes(totals.parameters);
	const lines = [
		double,
		format({ label: "Layer (type:depth-idx)", shape: "Output Shape", parameters: "Param #" }),
		double,
		...rows.map(format),
		double,
		`Total params: ${totals.parameters.toLocaleString("en-US")}`,
		`Trainable params: ${totals.parameters.toLocaleString("en-US")}`,
		"Non-trainable params: 0",
		`Total mult-adds (${unit(totals.countedMultiplyAdds)}): ${inUnit(totals.countedMultiplyAdds)}`,
		double,
		`Input size (MB): ${input.toFixed(2)}`,
		`Forward/backward pass size (MB): ${passes.toFixed(2)}`,
		`Params size (MB): ${parameters.toFixed(2)}`,
		`Estimated Total Size (MB): ${(input + passes + parameters).toFixed(2)}`,
		double,
	];
	for (const { name, module, output, multiplyAdds } of apart) {
		const size = module.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
		lines.push(
			format({
				label: `${name} (not in totals)`,
				shape: formatShape(output),
				parameters: size.toLocaleString("en-US"),
			}),
			`${name} mult-adds (${unit(multiplyAdds)}): ${inUnit(multiplyAdds)}`,
		);
	}
	lines.push(
		`True mult-adds of the layers (${unit(totals.multiplyAdds)}): ${inUnit(totals.multiplyAdds)} (transposed convolutions by their inputs)`,
		double,
	);
	return lines.join("\n");
}

function addRows(
	layer: Layer,
	input: Shape,
	depth: number,
	rows: Row[],
	totals: Totals,
	counters: Map<number, number>,
): void {
	const index = (counters.get(depth) ?? 0) + 1;
	counters.set(depth, index);
	const { output, multiplyAdds } = layer.cost(input);
	const children = layer.children().filter((child): child is [string, Layer] => child[1] instanceof Layer);
	const own = layer.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
	rows.push({
		label: `${"│    ".repeat(depth - 1)}${depth > 1 ? "└─" : "├─"}${layer.constructor.name}: ${depth}-${index}`,
		shape: formatShape(output),
		parameters: children.length > 0 || own === 0 ? "--" : own.toLocaleString("en-US"),
	});
	if (children.length === 0 && own > 0) {
		totals.parameters += own;
		totals.multiplyAdds += multiplyAdds;
		totals.countedMultiplyAdds += (own * sizeOf(output)) / output[1];
		totals.outputs += sizeOf(output);
	}
	let shape = input;
	for (const [, child] of children) {
		addRows(child, shape, depth + 1, rows, totals, counters);
		shape = child.cost(shape).output;
	}
}

function format({ label, shape, parameters }: Row): string {
	return `${label.padEnd(columns[0])}${shape.padEnd(columns[1])}${parameters}`.trimEnd();
}

const units = [
	["T", 1e12],
	["G", 1e9],
	["M", 1e6],
	["K", 1e3],
] as const;

function unit(count: number): string {
	return units.find(([, size]) => count >= size)?.[0] ?? "1";
}

function inUnit(count: number): string {
	return (count / (units.find(([, size]) => count >= size)?.[1] ?? 1)).toFixed(2);
}
