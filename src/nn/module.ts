import { checkFlag, formatValue, isPlainObject, wrongArgument } from "../base/arguments.js";
import { StateDictError, TesseraError } from "../base/errors.js";
import { formatShape, type Shape, sameShape } from "../base/shape.js";
import { relu } from "../ops/relu.js";
import { arrays } from "../tensor/dtype.js";
import { type AnyTensor, Parameter, Tensor } from "../tensor/tensor.js";

/**
 * A value of a state dict that is loaded: a tensor, or a shape and an array, as `loadSafetensors` returns it.
 */
export type StateValue = AnyTensor | { readonly shape: Shape; readonly data: ArrayLike<number> };

/** The output shape and the cost of a layer for an input shape. */
export interface LayerCost {
	readonly output: Shape;
	/** The multiply-adds of the forward pass. */
	readonly multiplyAdds: number;
}

/**
 * A part of a model, as torch.nn.Module. Its parameters, its buffers (tensors that are saved with the weights
 * but not trained) and the modules in it are its properties, or elements of arrays that are its properties.
 * Their names in the state dict are those of the properties, in snake_case.
 *
 * @example
 * class Classifier extends Module {
 * 	readonly hidden = new Linear(gpu, 784, 128);
 * 	readonly out = new Linear(gpu, 128, 10);
 *
 * 	forward(x) {
 * 		return this.out.forward(relu(this.hidden.forward(x)));
 * 	}
 * }
 */
export abstract class Module {
	static readonly name: string = "Module";

	/** Whether layers such as Dropout and BatchNorm2d behave as in training (default true); set by `train` and `eval`. */
	training = true;

	/**
	 * The output shape and the cost for an input shape, which `summary` needs.
	 *
	 * @throws ShapeError if the module does not take such an input, TesseraError if its class does not say
	 */
	cost(_input: Shape): LayerCost {
		throw new TesseraError(
			`${this.constructor.name}.cost: the module does not say what it costs. For summary() write cost(input), which returns { output, multiplyAdds }.`,
		);
	}

	/** Sets this module and those in it to training, or with false to evaluation. Returns itself. */
	train(mode = true): this {
		checkFlag(`${this.constructor.name}.train`, "mode", mode);
		this.training = mode;
		for (const [, child] of this.children()) child.train(mode);
		return this;
	}

	/** Sets this module and those in it to evaluation. Returns itself. */
	eval(): this {
		return this.train(false);
	}

	/** The names of properties that are tensors, but not in the state dict. */
	protected nonPersistentBuffers(): readonly string[] {
		return [];
	}

	/** The modules directly in this one, with their names in the state dict. */
	children(): [string, Module][] {
		return this.properties().filter((entry): entry is [string, Module] => entry[1] instanceof Module);
	}

	/**
	 * The parameters of this module and of the modules in it, with their names in the state dict; one that has
	 * several names is there once, with the first of them.
	 */
	namedParameters(): [string, Parameter][] {
		return firstNames(this.allParameters());
	}

	/** The parameters of this module and of the modules in it; one that has several names is there once. */
	parameters(): Parameter[] {
		return this.namedParameters().map(([, parameter]) => parameter);
	}

	/** The parameters by all their names. */
	private allParameters(): [string, Parameter][] {
		const own = this.properties().filter((entry): entry is [string, Parameter] => entry[1] instanceof Parameter);
		const inner = this.children().flatMap(([name, child]) =>
			child.allParameters().map(([rest, parameter]): [string, Parameter] => [`${name}.${rest}`, parameter]),
		);
		return [...own, ...inner];
	}

	/** Frees the gradients of all parameters. */
	zeroGrad(): void {
		for (const parameter of this.parameters()) parameter.zeroGrad();
	}

	/** The buffers of this module and of the modules in it, with their names in the state dict. */
	namedBuffers(): [string, AnyTensor][] {
		const left = new Set(this.nonPersistentBuffers().map(inSnakeCase));
		const own = this.properties().filter(
			(entry): entry is [string, AnyTensor] => isBuffer(entry[1]) && !left.has(entry[0]),
		);
		const inner = this.children().flatMap(([name, child]) =>
			child.namedBuffers().map(([rest, buffer]): [string, AnyTensor] => [`${name}.${rest}`, buffer]),
		);
		return [...own, ...inner];
	}

	/** The parameters and buffers by all their names. They are the module's own, not copies. */
	stateDict(): Record<string, AnyTensor> {
		return Object.fromEntries([...this.allParameters(), ...this.namedBuffers()]);
	}

	/**
	 * Overwrites the parameters and buffers with those of a state dict. If it does not fit, nothing is
	 * changed.
	 *
	 * @throws StateDictError with the names that are missing or unexpected and the shapes and dtypes that
	 * differ
	 * @example
	 * const response = await fetch("model.safetensors");
	 * model.loadStateDict(loadSafetensors(await response.arrayBuffer()));
	 */
	loadStateDict(dict: Readonly<Record<string, StateValue>>): void {
		const caller = `${this.constructor.name}.loadStateDict`;
		overwriteState(caller, this.stateDict(), dict);
	}

	/**
	 * Frees all tensors and modules that are its properties, including those that are not in the state dict.
	 */
	dispose(): void {
		for (const [, value] of this.properties()) if (value instanceof Tensor || value instanceof Module) value.dispose();
	}

	/** The properties by their names in the state dict; those of an array as `name.0`, `name.1`, … */
	private properties(): [string, unknown][] {
		return Object.entries(this).flatMap(([property, value]): [string, unknown][] => {
			const name = inSnakeCase(property);
			return Array.isArray(value) ? value.map((element, i) => [`${name}.${i}`, element]) : [[name, value]];
		});
	}
}

/**
 * Overwrites tensors with those of a state dict. If it does not fit, nothing is changed.
 *
 * @param own the tensors that are overwritten, by their names
 * @throws ArgumentError, StateDictError
 */
export function overwriteState(
	caller: string,
	own: Readonly<Record<string, AnyTensor>>,
	dict: Readonly<Record<string, StateValue>>,
): void {
	if (!isPlainObject(dict)) throw wrongArgument(caller, "dict", "an object of tensors by name", dict);
	const missing = Object.keys(own).filter((name) => !Object.hasOwn(dict, name));
	const unexpected = Object.keys(dict).filter((name) => !Object.hasOwn(own, name));
	const different = Object.entries(own).flatMap(([name, parameter]) => {
		const trouble = Object.hasOwn(dict, name) ? troubleWith(dict[name], parameter) : undefined;
		return trouble === undefined ? [] : [`${name} ${trouble}`];
	});
	const problems = [
		...(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : []),
		...(unexpected.length > 0 ? [`unexpected: ${unexpected.join(", ")}`] : []),
		...different,
	];
	if (problems.length > 0) throw new StateDictError(`${caller}: the state dict does not fit. ${problems.join("; ")}.`);
	for (const [name, parameter] of Object.entries(own)) {
		const value = dict[name] as StateValue;
		if (value instanceof Tensor) parameter.gpu.copy(value, parameter);
		else parameter.gpu.upload(parameter, arrays[parameter.dtype].from(value.data));
	}
}

/** Those with several names once, with the first of them. */
function firstNames<T>(named: readonly [string, T][]): [string, T][] {
	const names = new Map<T, string>();
	for (const [name, value] of named) if (!names.has(value)) names.set(value, name);
	return Array.from(names, ([value, name]) => [name, value]);
}

function inSnakeCase(property: string): string {
	return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isBuffer(value: unknown): boolean {
	return value instanceof Tensor && !(value instanceof Parameter);
}

/** What a value of a state dict is loaded into. */
export type StateEntry = Pick<AnyTensor, "gpu" | "dtype" | "shape" | "size">;

/** Why a value cannot be loaded into a tensor, in words that follow its name; undefined if it can. */
export function troubleWith(value: StateValue | undefined, parameter: StateEntry): string | undefined {
	const list = (of: unknown) => Array.isArray(of) || ArrayBuffer.isView(of);
	if (!(value instanceof Tensor) && !(list(value?.shape) && list(value?.data)))
		return `is ${formatValue(value)} instead of a tensor or { shape, data }`;
	if (!sameShape(value.shape, parameter.shape))
		return `is ${formatShape(value.shape)} instead of ${formatShape(parameter.shape)}`;
	if (!(value instanceof Tensor)) {
		const kind = /(Int|Uint|Float)[0-9]+/.exec(Object.prototype.toString.call(value.data))?.[0].toLowerCase();
		const fits =
			kind === undefined || kind === parameter.dtype || (kind === "float64" && parameter.dtype === "float32");
		if (!fits) return `is ${kind} instead of ${parameter.dtype}`;
		if (value.data.length !== parameter.size) return `has ${value.data.length} numbers instead of ${parameter.size}`;
		const at = Array.isArray(value.data) ? value.data.findIndex((element) => typeof element !== "number") : -1;
		return at < 0 ? undefined : `has ${formatValue(value.data[at])} instead of a number at ${at}`;
	}
	if (value.isDisposed) return "was disposed of";
	if (value.gpu !== parameter.gpu) return "is on another device";
	return value.dtype === parameter.dtype ? undefined : `is ${value.dtype} instead of ${parameter.dtype}`;
}

/** A module that maps one tensor to another, so that it can be part of a `Sequential`. */
export abstract class Layer extends Module {
	static override readonly name: string = "Layer";

	abstract forward(x: Tensor): Tensor;

	/** `forward` followed by a ReLU. Layers that can fuse the two override it. */
	forwardRelu(x: Tensor): Tensor {
		return relu(this.forward(x));
	}
}
