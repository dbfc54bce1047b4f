import type { HostTensor } from "../../io/safetensors.js";
import {
	type AttributeProto,
	attributeTypes,
	dataTypes,
	type GraphProto,
	type NodeProto,
	type TensorProto,
	type ValueInfoProto,
} from "./onnx_schema.js";

/** The attributes of a node: all that are used are whole numbers, or lists of them. */
export type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** An input or output of a graph. */
export interface Port {
	readonly name: string;
	readonly type: "float32" | "int64";
	/** A name stands for any number. */
	readonly shape: readonly (number | string)[];
	readonly description: string;
}

const elementTypes = { float32: dataTypes.FLOAT, int64: dataTypes.INT64 } as const;

/** An ONNX graph that is being built. Values are known by their names. */
export class OnnxGraph {
	private readonly nodes: NodeProto[] = [];
	private readonly initializers = new Map<string, TensorProto>();
	private readonly nodeNames = new Set<string>();

	/** @param weights a state dict; those that the graph uses become initializers with the names that they have in it */
	constructor(private readonly weights: Readonly<Record<string, HostTensor>>) {}

	/**
	 * Adds a node with one output.
	 *
	 * @param path the part of the model that it belongs to, as in the state dict
	 * @returns the name of its output, which is its own name: `path/operator`
	 */
	add(operator: string, path: string, inputs: readonly string[], attributes: Attributes = {}): string {
		const name = this.unusedName(`${path}/${operator}`);
		this.addNode(operator, name, inputs, [name], attributes);
		return name;
	}

	/** TopK of the last axis: the positions of the smallest values, int64. */
	addSmallest(path: string, values: string, count: number): string {
		const name = this.unusedName(`${path}/TopK`);
		const indices = `${name}/indices`;
		const outputs = [`${name}/values`, indices];
		this.addNode("TopK", name, [values, this.integers([count])], outputs, { axis: -1, largest: 0, sorted: 1 });
		return indices;
	}

	/** Converts a value to another type. */
	addCast(path: string, x: string, type: Port["type"]): string {
		return this.add("Cast", path, [x], { to: elementTypes[type] });
	}

	/** A tensor of the state dict, float32. */
	weight(name: string): string {
		const { data, shape } = this.valuesOf(name);
		return this.floats(name, data, shape);
	}

	/** The values of a tensor of the state dict. */
	valuesOf(name: string): HostTensor {
		const tensor = this.weights[name];
		if (tensor === undefined) throw new Error(`there is no ${name} among ${Object.keys(this.weights).join(", ")}`);
		return tensor;
	}

	/** A constant, float32. */
	floats(name: string, values: ArrayLike<number>, shape: readonly number[]): string {
		return this.initializer(name, "float32", shape, 4, (view, i) => view.setFloat32(4 * i, values[i] as number, true));
	}

	/** A constant, int64 [n]. Equal ones are one. */
	integers(values: readonly number[]): string {
		return this.int64(`int64[${values.join(",")}]`, [values.length], values);
	}

	/** A constant without axes, int64. Equal ones are one. */
	integer(value: number): string {
		return this.int64(`int64(${value})`, [], [value]);
	}

	/**
	 * The graph, once all nodes are there.
	 *
	 * @param value the value that becomes the output, which no node has as an input
	 */
	finish(name: string, docString: string, input: Port, output: Port, value: string): GraphProto {
		const node = this.nodes.map((node) => ({
			...node,
			output: node.output.map((own) => (own === value ? output.name : own)),
		}));
		const initializer = [...this.initializers.values()];
		return { name, docString, node, initializer, input: [valueInfo(input)], output: [valueInfo(output)] };
	}

	private addNode(
		opType: string,
		name: string,
		input: readonly string[],
		output: readonly string[],
		attributes: Attributes,
	): void {
		const attribute = Object.entries(attributes).map(
			([name, value]): AttributeProto =>
				typeof value === "number"
					? { name, type: attributeTypes.INT, i: value }
					: { name, type: attributeTypes.INTS, ints: value },
		);
		this.nodes.push({ name, opType, input, output, attribute });
	}

	/** The name, with a number if a node has it already. */
	private unusedName(name: string): string {
		let unused = name;
		for (let number = 1; this.nodeNames.has(unused); number++) unused = `${name}_${number}`;
		this.nodeNames.add(unused);
		return unused;
	}

	private int64(name: string, shape: readonly number[], values: readonly number[]): string {
		return this.initializer(name, "int64", shape, 8, (view, i) =>
			view.setBigInt64(8 * i, BigInt(values[i] as number), true),
		);
	}

	private initializer(
		name: string,
		type: Port["type"],
		shape: readonly number[],
		bytes: number,
		write: (view: DataView, i: number) => void,
	): string {
		if (this.initializers.has(name)) return name;
		const count = shape.reduce((product, size) => product * size, 1);
		const view = new DataView(new ArrayBuffer(count * bytes));
		for (let i = 0; i < count; i++) write(view, i);
		const rawData = new Uint8Array(view.buffer);
		this.initializers.set(name, { name, dims: shape, dataType: elementTypes[type], rawData });
		return name;
	}
}

function valueInfo({ name, type, shape, description }: Port): ValueInfoProto {
	const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
	return { name, docString: description, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } };
}
