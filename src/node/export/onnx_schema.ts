import protobuf from "protobufjs/light.js";

// The messages and fields of ONNX that a graph without control flow needs, by the numbers of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (IR version 7). Field names are in camelCase here; a file
// has the numbers alone.

/** Numbers that the file has as int64. */
type Int64 = number;

export interface ModelProto {
	readonly irVersion: Int64;
	readonly producerName: string;
	readonly producerVersion: string;
	readonly docString: string;
	readonly graph: GraphProto;
	readonly opsetImport: readonly { readonly domain: string; readonly version: Int64 }[];
	readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

export interface GraphProto {
	readonly name: string;
	readonly docString: string;
	readonly node: readonly NodeProto[];
	readonly initializer: readonly TensorProto[];
	readonly input: readonly ValueInfoProto[];
	readonly output: readonly ValueInfoProto[];
}

export interface NodeProto {
	readonly name: string;
	readonly opType: string;
	readonly input: readonly string[];
	readonly output: readonly string[];
	readonly attribute: readonly AttributeProto[];
}

/** An integer, or a list of them. */
export type AttributeProto = { readonly name: string } & (
	| { readonly type: typeof attributeTypes.INT; readonly i: Int64 }
	| { readonly type: typeof attributeTypes.INTS; readonly ints: readonly Int64[] }
);

export interface TensorProto {
	readonly name: string;
	readonly dims: readonly Int64[];
	readonly dataType: number;
	/** Row-major, little-endian. */
	readonly rawData: Uint8Array;
}

export interface ValueInfoProto {
	readonly name: string;
	readonly docString: string;
	readonly type: { readonly tensorType: { readonly elemType: number; readonly shape: TensorShapeProto } };
}

export interface TensorShapeProto {
	/** A number, or a name for any number. */
	readonly dim: readonly ({ readonly dimValue: Int64 } | { readonly dimParam: string })[];
}

/** AttributeProto.AttributeType */
export const attributeTypes = { INT: 2, INTS: 7 } as const;
/** TensorProto.DataType */
export const dataTypes = { FLOAT: 1, INT64: 7 } as const;

type Field = { readonly type: string; readonly id: number; readonly rule?: "repeated" };

const one = (type: string, id: number): Field => ({ type, id });
const several = (type: string, id: number): Field => ({ rule: "repeated", type, id });
/** ONNX is proto2: a field that is 0 is written, because its absence is something else. */
const message = (fields: Readonly<Record<string, Field>>) => ({ edition: "proto2", fields });

/** The schema as a JSON descriptor of protobufjs. */
export const onnxDescriptor = {
	nested: {
		ModelProto: message({
			irVersion: one("int64", 1),
			producerName: one("string", 2),
			producerVersion: one("string", 3),
			docString: one("string", 6),
			graph: one("GraphProto", 7),
			opsetImport: several("OperatorSetIdProto", 8),
			metadataProps: several("StringStringEntryProto", 14),
		}),
		OperatorSetIdProto: message({ domain: one("string", 1), version: one("int64", 2) }),
		StringStringEntryProto: message({ key: one("string", 1), value: one("string", 2) }),
		GraphProto: message({
			node: several("NodeProto", 1),
			name: one("string", 2),
			initializer: several("TensorProto", 5),
			docString: one("string", 10),
			input: several("ValueInfoProto", 11),
			output: several("ValueInfoProto", 12),
		}),
		NodeProto: message({
			input: several("string", 1),
			output: several("string", 2),
			name: one("string", 3),
			opType: one("string", 4),
			attribute: several("AttributeProto", 5),
		}),
		AttributeProto: message({
			name: one("string", 1),
			i: one("int64", 3),
			ints: several("int64", 8),
			type: one("int32", 20),
		}),
		TensorProto: message({
			dims: several("int64", 1),
			dataType: one("int32", 2),
			name: one("string", 8),
			rawData: one("bytes", 9),
		}),
		ValueInfoProto: message({ name: one("string", 1), type: one("TypeProto", 2), docString: one("string", 3) }),
		TypeProto: message({ tensorType: one("TensorTypeProto", 1) }),
		TensorTypeProto: message({ elemType: one("int32", 1), shape: one("TensorShapeProto", 2) }),
		TensorShapeProto: message({ dim: several("DimensionProto", 1) }),
		DimensionProto: message({ dimValue: one("int64", 1), dimParam: one("string", 2) }),
	},
};

/** The bytes of an .onnx file. */
export function encodeOnnx(model: ModelProto): Uint8Array {
	const type = protobuf.Root.fromJSON(onnxDescriptor).lookupType("ModelProto");
	return type.encode(type.create({ ...model })).finish();
}
