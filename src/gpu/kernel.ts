import { wrongArgument } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";

/** One file of `kernels/`: its name and its WGSL text. */
export interface Kernel {
	readonly name: string;
	readonly source: string;
}

/** Values of a kernel's `override` constants, by name. */
export type Constants = Readonly<Record<string, number>>;

/** Values of the fields of a kernel's uniform, by name. */
export type UniformValues = Readonly<Record<string, number>>;

/** The type of a binding, as GPUBufferBindingType. @internal */
export type BindingKind = "uniform" | "read-only-storage" | "storage";

/** A field of a uniform: one 32-bit word. */
interface Field {
	readonly name: string;
	readonly type: "f32" | "i32" | "u32";
}

/** A struct of 32-bit words that the host writes. @internal */
export interface Words {
	readonly fields: readonly Field[];
	/** One word for each field, in order: written by each launch, read before the next one. */
	readonly words: Uint32Array;
	/** The same words. */
	readonly floats: Float32Array;
}

/** The uniform of a kernel. @internal */
export interface UniformDeclaration extends Words {
	readonly binding: number;
}

/** A kernel's declarations, parsed from its WGSL. @internal */
export interface Declarations {
	/** The types of the bindings of group 0, in order. */
	readonly kinds: readonly BindingKind[];
	/** Bytes of the elements of the bindings' arrays: 16 for vectors of 4, else 4. */
	readonly strides: readonly number[];
	readonly uniform?: UniformDeclaration;
	/** The struct of a read-only storage buffer that the host writes. */
	readonly storageStruct?: Words;
	/** The binding of its `Slice`: the workgroups that one of several dispatches computes. */
	readonly slice?: number;
}

/** Parses a kernel's declarations. @throws ArgumentError if a field of its uniform is not a 32-bit word @internal */
export function declarationsOf({ name, source }: Kernel): Declarations {
	const kinds: BindingKind[] = [];
	const strides: number[] = [];
	let uniform: Declarations["uniform"];
	let storageStruct: Words | undefined;
	let slice: number | undefined;
	const bindings = /@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]*)>\s*(\w+)\s*:\s*([\w<>]+)/g;
	for (const [, index, space = "", variable = "", type = ""] of source.matchAll(bindings)) {
		const binding = Number(index);
		const kind = space.replace(/\s/g, "");
		kinds[binding] = kind === "uniform" ? "uniform" : kind === "storage,read_write" ? "storage" : "read-only-storage";
		strides[binding] = type.startsWith("array<v") ? 16 : 4;
		if (kind === "storage,read" && !type.startsWith("array")) storageStruct = wordsOfType(name, source, variable, type);
		if (kind !== "uniform") continue;
		if (type === "Slice") slice = binding;
		else uniform = { binding, ...wordsOfType(name, source, variable, type) };
	}
	return {
		kinds,
		strides,
		...(uniform && { uniform }),
		...(storageStruct && { storageStruct }),
		...(slice !== undefined && { slice }),
	};
}

/** The fields of a struct; those of a scalar are the variable itself. */
function wordsOfType(kernel: string, source: string, variable: string, type: string): Words {
	const body = new RegExp(`struct\\s+${type}\\s*\\{([^}]*)\\}`).exec(source)?.[1] ?? `${variable}: ${type}`;
	const fields = Array.from(
		body.replace(/\/\/.*/g, "").matchAll(/(\w+)\s*:\s*([\w<>]+)/g),
		([, name = "", fieldType]): Field => {
			if (fieldType !== "f32" && fieldType !== "i32" && fieldType !== "u32")
				throw new ArgumentError(
					`gpu.launch: ${titleOf(kernel)}: the uniform's field ${name} is ${fieldType}, but must be f32, i32 or u32.`,
				);
			return { name, type: fieldType };
		},
	);
	const words = new Uint32Array(fields.length);
	return { fields, words, floats: new Float32Array(words.buffer) };
}

/** Writes the words of a struct by the names of its fields. @throws ArgumentError unless `values` has a number for each of its fields, and no more @internal */
export function packWords(kernel: Kernel, { fields, words, floats }: Words, values: UniformValues): Uint32Array {
	for (let i = 0; i < fields.length; i++) {
		const { name, type } = fields[i];
		const value = values[name];
		if (typeof value !== "number" || (type !== "f32" && !Number.isInteger(value)))
			throw wrongArgument(
				"gpu.launch",
				`uniforms.${name} of ${titleOf(kernel.name)}`,
				type === "f32" ? "a number" : "a whole number",
				value,
			);
		if (type === "f32") floats[i] = value;
		else words[i] = value;
	}
	let given = 0;
	for (const _ in values) given++;
	if (given > fields.length) throw unknownField(kernel, fields, values);
	return words;
}

function unknownField({ name: kernel }: Kernel, fields: readonly Field[], values: UniformValues): ArgumentError {
	const unknown = Object.keys(values).find((name) => !fields.some((field) => field.name === name));
	return new ArgumentError(
		`gpu.launch: the uniform of ${titleOf(kernel)} has no field "${unknown}"; its fields are ${fields.map(({ name }) => name).join(", ")}.`,
	);
}

/** What messages call a kernel: one of the library's is a file of `kernels/`. @internal */
export function titleOf(name: string): string {
	return name.endsWith(".wgsl") ? `kernels/${name}` : `kernel "${name}"`;
}

/**
 * A kernel of one's own, for `gpu.launch`.
 *
 * @param name for messages, such as "swish"
 * @param wgsl a complete WGSL module with an entry point `main`. All bindings are in group 0: storage buffers, and at most one
 * uniform, a struct of 32-bit words or one of them. `override` constants are set with each launch
 * @throws ArgumentError unless both are text and the module has the entry point
 * @example
 * const double = kernel("double", `
 *   @group(0) @binding(0) var<storage, read> x: array<f32>;
 *   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 *   @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
 *     if (id.x < arrayLength(&y)) { y[id.x] = 2.0 * x[id.x]; }
 *   }`);
 * gpu.launch(double, { bindings: [x.memory(), y.memory()], workgroups: Math.ceil(x.size / 64) });
 */
export function kernel(name: string, wgsl: string): Kernel {
	if (typeof name !== "string" || name === "") throw wrongArgument("kernel", "name", "text", name);
	if (typeof wgsl !== "string" || !/\bfn\s+main\b/.test(wgsl))
		throw wrongArgument("kernel", "wgsl", "a WGSL module with an entry point main", wgsl);
	return { name, source: wgsl };
}
