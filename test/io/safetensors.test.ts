import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArgumentError, DTypeError, FormatError, ShapeError } from "../../src/base/errors.js";
import {
	encodeSafetensors,
	type HostTensor,
	loadSafetensors,
	loadSafetensorsMetadata,
} from "../../src/io/safetensors.js";
import bytes from "../golden/gray-28x28/init.safetensors";

const test = suite("safetensors");

/** A file of this header text and these data bytes, nothing checked. */
function file(header: string, data: readonly number[] = []): Uint8Array {
	const text = new TextEncoder().encode(header);
	const whole = new Uint8Array(8 + text.length + data.length);
	new DataView(whole.buffer).setBigUint64(0, BigInt(text.length), true);
	whole.set(text, 8);
	whole.set(data, 8 + text.length);
	return whole;
}

/** A file of one tensor "t". */
function one(dtype: string, shape: readonly number[], data: readonly number[]): Uint8Array {
	return file(JSON.stringify({ t: { dtype, shape, data_offsets: [0, data.length] } }), data);
}

/** The bytes of these values, little-endian, as `write` writes each. */
function packed(
	size: number,
	values: readonly number[],
	write: (view: DataView, at: number, v: number) => void,
): number[] {
	const view = new DataView(new ArrayBuffer(size * values.length));
	values.forEach((value, i) => void write(view, i * size, value));
	return [...new Uint8Array(view.buffer)];
}

function refused(input: Uint8Array, ...patterns: RegExp[]): void {
	assert.throws(
		() => loadSafetensors(input),
		(error: Error) => error instanceof FormatError && patterns.every((pattern) => pattern.test(error.message)),
		`should be refused with ${patterns}`,
	);
}

test("reads what PyTorch's golden script wrote", () => {
	const dict = loadSafetensors(bytes);
	assert.equal(Object.keys(dict).length, 13);
	const weight = dict["encoder.convs.0.weight"];
	assert.is(weight.dtype, "float32");
	assert.equal(weight.shape, [32, 1, 3, 3]);
	assert.is(weight.data.length, 288);
	// The default initialisation of a convolution with 9 inputs is uniform in ±1/3.
	const largest = Math.max(...Float32Array.from(weight.data).map(Math.abs));
	assert.ok(largest > 0.3 && largest <= 1 / 3, `largest weight ${largest}`);
	assert.equal(dict["vq_layer.embeddings.weight"].shape, [128, 16]);
});

test("writes back what it read, and reads it again the same", () => {
	const dict = loadSafetensors(bytes);
	const written = encodeSafetensors(dict);
	assert.equal(loadSafetensors(written), dict);
	assert.equal(Object.keys(loadSafetensors(written)), Object.keys(dict));
	assert.equal(encodeSafetensors(dict), written);
});

test("round-trips each dtype, scalars, empty tensors and odd names", () => {
	const dict: Record<string, HostTensor> = {
		floats: { dtype: "float32", shape: [2, 2], data: Float32Array.of(1.5, -0, Number.NaN, Number.NEGATIVE_INFINITY) },
		integers: { dtype: "int32", shape: [2], data: Int32Array.of(-2147483648, 2147483647) },
		indices: { dtype: "uint32", shape: [1, 1, 1], data: Uint32Array.of(4294967295) },
		scalar: { dtype: "float32", shape: [], data: Float32Array.of(3) },
		empty: { dtype: "float32", shape: [0, 4], data: new Float32Array() },
		'quote" \\ {ü} 🎲': { dtype: "int32", shape: [1], data: Int32Array.of(7) },
	};
	Object.defineProperty(dict, "__proto__", {
		value: { dtype: "int32", shape: [1], data: Int32Array.of(9) },
		enumerable: true,
	});
	const back = loadSafetensors(encodeSafetensors(dict));
	assert.equal(Object.keys(back), Object.keys(dict));
	for (const [name, tensor] of Object.entries(dict)) {
		assert.is(back[name].dtype, tensor.dtype, name);
		assert.equal(back[name].shape, tensor.shape, name);
		assert.is(back[name].data.constructor, tensor.data.constructor, name);
		assert.equal(new Uint8Array(back[name].data.buffer), new Uint8Array(tensor.data.buffer), name);
	}
	assert.is(Object.getPrototypeOf(back), null);
});

test("writes the layout of the format", () => {
	const written = encodeSafetensors({ a: { dtype: "int32", shape: [1], data: Int32Array.of(0x01020304) } });
	const headerBytes = Number(new DataView(written.buffer).getBigUint64(0, true));
	assert.is(headerBytes % 8, 0);
	const header = new TextDecoder().decode(written.subarray(8, 8 + headerBytes));
	assert.is(header.trimEnd(), '{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}');
	assert.match(header, /^[^ ]* *$/);
	assert.equal([...written.subarray(8 + headerBytes)], [4, 3, 2, 1]);
});

test("writes a view into a larger buffer", () => {
	const data = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
	const { view } = loadSafetensors(encodeSafetensors({ view: { dtype: "float32", shape: [2], data } }));
	assert.equal([...view.data], [1, 2]);
});

test("keeps metadata", () => {
	const written = encodeSafetensors({}, { format: "pt", "a key": '"é"' });
	assert.equal({ ...loadSafetensorsMetadata(written) }, { format: "pt", "a key": '"é"' });
	assert.equal(Object.keys(loadSafetensors(written)), []);
	assert.equal(Object.keys(loadSafetensorsMetadata(encodeSafetensors({}))), []);
});

test("reads from any offset of a buffer, and data at any alignment", () => {
	for (let shift = 0; shift < 4; shift++) {
		const input = file(
			`{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}${" ".repeat(shift)}`,
			packed(4, [2.5], (view, at, value) => view.setFloat32(at, value, true)),
		);
		const moved = new Uint8Array(input.length + shift + 3);
		moved.set(input, shift);
		assert.equal([...loadSafetensors(moved.subarray(shift, shift + input.length)).t.data], [2.5]);
	}
});

test("takes the data in the order of the offsets, not of the header", () => {
	const dict = loadSafetensors(
		file(
			'{"b":{"dtype":"U32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"U32","shape":[1],"data_offsets":[0,4]}}',
			[1, 0, 0, 0, 2, 0, 0, 0],
		),
	);
	assert.equal([dict.a.data[0], dict.b.data[0]], [1, 2]);
});

test("converts F16, subnormals and infinities included", () => {
	const halves = [
		0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x8200, 0x7c00, 0xfc00, 0x7e00,
	];
	const expected = [0, -0, 1, -2, 0.333251953125, 65504, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, -(2 ** -15)];
	const { t } = loadSafetensors(
		one(
			"F16",
			[halves.length],
			packed(2, halves, (view, at, value) => view.setUint16(at, value, true)),
		),
	);
	assert.is(t.dtype, "float32");
	const nonFinite = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
	[...expected, ...nonFinite].forEach((value, i) => {
		assert.ok(Object.is(t.data[i], value), `0x${halves[i].toString(16)} gives ${t.data[i]}, not ${value}`);
	});
});

test("converts BF16, F64 and I64", () => {
	const bf16 = packed(2, [0x3f80, 0xc020, 0x7f80], (view, at, value) => view.setUint16(at, value, true));
	assert.equal([...loadSafetensors(one("BF16", [3], bf16)).t.data], [1, -2.5, Number.POSITIVE_INFINITY]);
	const f64 = packed(8, [0.1, -3, 1e-60], (view, at, value) => view.setFloat64(at, value, true));
	assert.equal([...loadSafetensors(one("F64", [3], f64)).t.data], [Math.fround(0.1), -3, 0]);
	const i64 = packed(8, [-1, 2147483647, -2147483648, 5], (view, at, value) =>
		view.setBigInt64(at, BigInt(value), true),
	);
	const { t } = loadSafetensors(one("I64", [2, 2], i64));
	assert.is(t.dtype, "int32");
	assert.equal([...t.data], [-1, 2147483647, -2147483648, 5]);
});

test("refuses 64-bit values that do not fit 32 bits", () => {
	for (const value of [2147483648, -2147483649, 2 ** 40]) {
		const data = packed(8, [0, value], (view, at, v) => view.setBigInt64(at, BigInt(v), true));
		refused(one("I64", [2], data), /"t"/, /value 1/, new RegExp(String(value)), /int32/);
	}
	const large = packed(8, [1e300], (view, at, value) => view.setFloat64(at, value, true));
	refused(one("F64", [1], large), /"t"/, /1e\+300/, /float32/);
});

test("refuses dtypes that it cannot hold, naming dtype and tensor", () => {
	for (const dtype of ["F8_E4M3", "BOOL", "U8", "I16", "U64", "C64", "f32", "constructor"]) {
		refused(one(dtype, [4], [0, 0, 0, 0]), /"t"/, new RegExp(dtype));
	}
});

test("refuses files that are too short", () => {
	refused(new Uint8Array(), /0 bytes/);
	refused(new Uint8Array(7), /7 bytes/);
	refused(Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d), /truncated/, /9 bytes/);
	for (const length of [bytes.length - 1, 2000, 100, 9, 8])
		refused(bytes.subarray(0, length), /truncated|exceed|start with/);
});

test("refuses a header that claims too much", () => {
	refused(Uint8Array.of(0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, 0x7b, 0x7d), /100000001/, /100 MB/);
	refused(Uint8Array.of(...new Array(8).fill(0xff), 0x7b, 0x7d), /18446744073709551615/, /100 MB/);
});

test("refuses headers that are not a JSON object in UTF-8", () => {
	refused(file(""), /"\{"/);
	refused(file(" {}"), /"\{"/);
	refused(file("[]"), /"\{"/);
	refused(file("{"), /JSON/);
	refused(file("{} x"), /JSON/);
	refused(file("{}\0\0\0"), /JSON/);
	refused(Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22, 0xff, 0x22, 0x7d), /UTF-8/);
});

test("refuses duplicate names, however they are spelled", () => {
	const entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
	refused(file(`{"a":${entry},"a":${entry}}`), /"a" occurs twice/);
	refused(file(`{"a":${entry},"b":${entry} , "\\u0061" : ${entry}}`), /"a" occurs twice/);
	refused(file(`{"__metadata__":{},"__metadata__":{}}`), /"__metadata__" occurs twice/);
	refused(file(`{"__metadata__":{"k":"1","k":"2"}}`), /"k" occurs twice/);
	refused(file('{"a":{"dtype":"I32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), /"dtype" occurs twice/);
	// Equal names in different objects, and text that only looks like names, are fine.
	const fine = `{"__metadata__":{"a":"x\\":{\\"a\\":","b":"{\\"a\\":1,\\"a\\":2}"},"a":${entry},"b":${entry}}`;
	assert.equal(Object.keys(loadSafetensors(file(fine))), ["a", "b"]);
});

test("reads long names", () => {
	const name = "n".repeat(20_000_000);
	const dict = loadSafetensors(file(`{"${name}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`));
	assert.is(Object.keys(dict)[0], name);
});

test("refuses metadata other than strings", () => {
	refused(file('{"__metadata__":3}'), /__metadata__/);
	refused(file('{"__metadata__":{"epoch":3}}'), /"epoch"/);
});

test("refuses entries of the wrong form, naming the tensor", () => {
	const entries = [
		"3",
		"null",
		"[]",
		'{"shape":[1],"data_offsets":[0,4]}',
		'{"dtype":"F32","data_offsets":[0,4]}',
		'{"dtype":"F32","shape":[1]}',
		'{"dtype":3,"shape":[1],"data_offsets":[0,4]}',
		'{"dtype":"F32","shape":1,"data_offsets":[0,4]}',
		'{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}',
		'{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}',
		'{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}',
		'{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}',
		'{"dtype":"F32","shape":[1],"data_offsets":[0]}',
		'{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}',
		'{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}',
		'{"dtype":"F32","shape":[1],"data_offsets":[4,0]}',
		'{"dtype":"F32","shape":[2],"data_offsets":[0,4]}',
		'{"dtype":"F16","shape":[1],"data_offsets":[0,4]}',
	];
	for (const entry of entries) refused(file(`{"odd one":${entry}}`, [0, 0, 0, 0]), /"odd one"/);
	refused(file('{"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'), /"t"/, /overflows/);
	refused(file('{"t":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}'), /"t"/, /overflows/);
});

test("refuses holes, overlaps, and data that belongs to no tensor", () => {
	const two = (a: string, b: string): string =>
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":${a}},"b":{"dtype":"F32","shape":[1],"data_offsets":${b}}}`;
	const zeros = new Array(12).fill(0);
	assert.is(Object.keys(loadSafetensors(file(two("[0,4]", "[4,8]"), zeros.slice(0, 8)))).length, 2);
	refused(file(two("[4,8]", "[8,12]"), zeros), /"a"/, /hole/);
	refused(file(two("[0,4]", "[8,12]"), zeros), /"b"/, /hole/);
	refused(file(two("[0,4]", "[2,6]"), zeros.slice(0, 6)), /"b"/, /overlap/);
	refused(file(two("[0,4]", "[0,4]"), zeros.slice(0, 4)), /"b"/, /overlap/);
	refused(file(two("[0,4]", "[4,8]"), zeros), /4 bytes after/);
	refused(file(two("[0,4]", "[4,8]"), zeros.slice(0, 7)), /"b"/, /exceed/);
	refused(file("{}", [0]), /1 bytes after/);
});

test("refuses to write what could not be read", () => {
	const data = Float32Array.of(1, 2);
	const write = (name: string, tensor: HostTensor) => () => encodeSafetensors({ [name]: tensor });
	const errorOf = (type: typeof ShapeError | typeof DTypeError | typeof ArgumentError) => (error: Error) =>
		error instanceof type && /"(t|__metadata__)"/.test(error.message);
	assert.throws(write("t", { dtype: "float32", shape: [3], data }), errorOf(ShapeError));
	assert.throws(write("t", { dtype: "float32", shape: [-1, -2], data }), errorOf(ShapeError));
	assert.throws(write("t", { dtype: "float32", shape: [0.5, 4], data }), errorOf(ShapeError));
	assert.throws(write("t", { dtype: "int32", shape: [2], data }), errorOf(DTypeError));
	assert.throws(write("__metadata__", { dtype: "float32", shape: [2], data }), errorOf(ArgumentError));
});

test.run();
