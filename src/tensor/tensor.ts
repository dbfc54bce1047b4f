/// <reference lib="esnext.disposable" preserve="true" />
import { checkFlag, checkWord, wrongArgument } from "../base/arguments.js";
import { DisposedError, GradientError, ShapeError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { type Device, readsBack } from "../gpu/device.js";
import type { Storage } from "../gpu/storage.js";
import type { Choices } from "../gpu/variant.js";
import type { DataOf, DType } from "./dtype.js";
import type { FloatArray, NestedNumbers, NumberArray, SignedArray, UnsignedArray } from "./host_data.js";
import { type Layout, layoutNames, toBlocked, toContiguous, wordsOf } from "./layout.js";

/** What Node's console.log prints of an object. */
export const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** Two words on which the random numbers of an operation depend. @internal */
export type RandomKey = () => Storage;

export interface RandomOptions {
	/** A whole number in [0, 2⁵³) on which the numbers depend, and on nothing else. */
	readonly seed?: number;
}

/**
 * A device that makes tensors, reads them, and decides how long they live; opened by `openDevice()`. This page is all that
 * operations, layers and trainers ask of it.
 */
export interface Gpu extends Device {
	/**
	 * A tensor with this data, row-major.
	 *
	 * @param data numbers, flat or nested as the shape is, a number for a scalar, or a typed array
	 * @param shape default: that of the data, [n] for a flat array and [2, 3] for two arrays of three numbers
	 * @param dtype default: float32 of numbers and arrays of floats, int32 and uint32 of arrays of such integers, also shorter ones
	 * @throws ArgumentError for an element that is not a number, ShapeError if data and shape do not match or the data is ragged,
	 * DTypeError for an array of another kind
	 * @example
	 * const x = gpu.tensor([[1, 2], [3, 4]]);
	 */
	tensor(data: SignedArray, shape?: Shape): Tensor<"int32">;
	tensor(data: UnsignedArray, shape?: Shape): Tensor<"uint32">;
	tensor(data: NestedNumbers | FloatArray, shape?: Shape): Tensor;
	tensor<D extends DType>(data: NestedNumbers | NumberArray, shape: Shape | undefined, dtype: D): Tensor<D>;

	/** A tensor of zeros, as torch.zeros. */
	zeros<D extends DType = "float32">(shape: Shape, dtype?: D): Tensor<D>;

	/** A tensor of ones, as torch.ones. */
	ones<D extends DType = "float32">(shape: Shape, dtype?: D): Tensor<D>;

	/**
	 * A tensor whose elements are all one number, as torch.full.
	 *
	 * @throws ArgumentError if the dtype cannot hold the value
	 */
	full<D extends DType = "float32">(shape: Shape, value: number, dtype?: D): Tensor<D>;

	/**
	 * The numbers from start (default 0) to below end, step (default 1) apart, as torch.arange; in float32 unless a dtype is given.
	 *
	 * @throws ArgumentError if the step is 0 or leads away from the end, or the dtype cannot hold the numbers
	 * @example
	 * const positions = gpu.arange(0, 10, 1, "uint32");
	 */
	arange(end: number): Tensor;
	arange<D extends DType = "float32">(start: number, end: number, step?: number, dtype?: D): Tensor<D>;

	/** The matrix [rows, columns] with ones on its diagonal, as torch.eye. @param columns default: as many as rows */
	eye(rows: number, columns?: number): Tensor;

	/**
	 * A float32 tensor of random numbers, uniform in [0, 1), as torch.rand. The same seed gives the same bits on every adapter.
	 *
	 * @param options.seed a whole number; default: the numbers depend on `manualSeed` and on what was drawn since then. In a
	 * captured step without a seed each replay draws others
	 */
	rand(shape: Shape, options?: RandomOptions): Tensor;

	/** As `rand`, of the normal distribution N(0, 1), as torch.randn. */
	randn(shape: Shape, options?: RandomOptions): Tensor;

	/** Seeds `random`, as torch.manual_seed. @param seed a whole number; a device that was just opened has 0 */
	manualSeed(seed: number): void;

	/** What draws the first weights of layers, and what `rand`, `randn` and `dropout` depend on. */
	readonly random: Random;

	/**
	 * A float32 tensor to be trained, see `Parameter`. It lives until `dispose()`, also if it was made inside a scope. Data, shape
	 * and errors are those of `tensor`.
	 *
	 * @example
	 * const weight = gpu.parameter(new Float32Array(6), [2, 3]);
	 */
	parameter(data: NestedNumbers | NumberArray, shape?: Shape): Parameter;

	/**
	 * A tensor whose elements are yet to be written, as torch.empty. A length may be 0.
	 *
	 * @param layout default "contiguous"; "blocked" takes [N, C, …]
	 */
	empty<D extends DType = "float32">(shape: Shape, dtype?: D, layout?: Layout): Tensor<D>;

	/** A float32 tensor of one element with this value, for reading only: equal values share one small buffer. */
	constant(value: number, shape?: Shape): Tensor;

	/** Overwrites a tensor's elements with host data of its dtype, flat or nested as its shape is. */
	upload(tensor: AnyTensor, data: NestedNumbers | ArrayLike<number>): void;

	/**
	 * Overwrites a tensor's elements with what `source` returns: now and, inside a captured step, before each replay. For values
	 * that change from step to step, such as a learning rate.
	 *
	 * @throws CaptureError if the captured step has made the tensor itself, or has used it before
	 */
	feed(tensor: AnyTensor, source: () => ArrayLike<number>): void;

	/** A copy with memory of its own, as torch.clone. */
	clone<D extends DType>(tensor: Tensor<D>): Tensor<D>;

	/** Overwrites `to` with the elements of `from`, on the GPU. */
	copy<D extends DType>(from: Tensor<D>, to: Tensor<D>): void;

	/** The elements of several tensors, with one copy and one wait for all of them. */
	readAll(tensors: readonly AnyTensor[]): Promise<DataOf<DType>[]>;

	/**
	 * Runs `body` and disposes of every tensor that it made, except those that it returns (a tensor, or an array, map or plain
	 * object of tensors), parameters and their gradients. A training step belongs in a scope.
	 *
	 * @throws ArgumentError if `body` returns a promise: tensors made after an await are outside of the scope
	 * @example
	 * const y = gpu.scope(() => relu(matmul(x, weight))); // the product is freed
	 */
	scope<T>(body: () => T): T;

	/**
	 * Traces what `step` launches, so that `replay()` can launch it again and again without calling `step`: the same kernels over
	 * the same buffers, in one submit, with nothing created. `step` is called twice, to compare the traces. Nothing is computed
	 * before the first `replay()`. What `step` makes is freed as in `scope`, except what it returns and gradients.
	 *
	 * New data goes to tensors that were made before: by `gpu.upload` between replays, or by `gpu.feed` in the step. Shapes,
	 * numbers given to operations, and which tensors are used stay as they were traced.
	 *
	 * @throws CaptureError if `step` reads back, uploads, waits, differs from one call to the next, or keeps a tensor that it does
	 * not return; the message says after which dispatch
	 * @example
	 * const step = gpu.capture(() => trainStep(x, y));
	 * for (const batch of batches) {
	 *   gpu.upload(x, batch);
	 *   step.replay();
	 *   await gpu.throttle();
	 * }
	 */
	capture<T>(step: () => T): Capture<T>;

	/**
	 * Compiles the kernels that `step` will launch, all at once and without blocking this thread. On a device opened with `tune`,
	 * it also measures which variants of the kernels are the fastest for the shapes in `step`. `step` is called, but computes and
	 * changes nothing. Software adapters may compile at the first launch nevertheless.
	 *
	 * @throws CaptureError if `step` reads back or waits, ShaderError for a kernel that does not compile
	 */
	prepare(step: () => unknown): Promise<void>;

	/**
	 * Computes something with the fastest variant of its kernels: the first of `variants`, unless the device was opened with
	 * `tune` and `prepare` has found another one to be faster for this key.
	 *
	 * @param key names the operation and all shapes on which the choice depends
	 * @param variants names of variants, or of tiles that a variant may use
	 * @param compute called with one of the variants, during `prepare` with each; it only launches kernels
	 * @internal
	 */
	chooseVariant<T, C extends string>(key: string, variants: Choices<C>, compute: (variant: C) => T): T;

	/** Takes a tensor out of the open scopes, so that it lives until `dispose()`. */
	keep<T extends AnyTensor>(tensor: T): T;

	/** The key of an operation with random numbers. @internal */
	randomKey(seed?: number): RandomKey;

	/** For `Tensor`: a new one belongs to the innermost open scope. @internal */
	track(tensor: AnyTensor): void;

	/** For `Tensor`, when it is disposed of. @internal */
	untrack(tensor: AnyTensor): void;

	/** For `Tensor`: whether a step is traced that has not allocated this storage. @internal */
	isExternal(storage: Storage): boolean;

	/** For `Tensor`: runs `body` eagerly, also while a step is traced. @internal */
	runEagerly<T>(body: () => T): T;

	/** For `Parameter`: is told what a traced step does to gradients. @internal */
	readonly gradientLog: GradientObserver | undefined;
}

/** A training step, or any sequence of operations, ready to be launched again and again; made by `gpu.capture`. */
export interface Capture<T> {
	/** What the step returned; its tensors hold what the last replay computed, until `dispose()`. */
	readonly result: T;

	/**
	 * Launches the step again: uploads what it is fed, and submits its kernels over the same buffers at once. It waits for
	 * nothing. Returns `result`.
	 *
	 * @throws CaptureError if a parameter has a gradient to which the traced step did not add, DisposedError after `dispose()`,
	 * and what failed in an earlier replay
	 */
	replay(): T;

	/** Frees `result` and the buffers of the step. Gradients that it has given to parameters stay. */
	dispose(): void;

	[Symbol.dispose](): void;
}

/**
 * Elements that are still to be computed: when one of their tensors is accessed, or with those of others.
 *
 * @internal
 */
export interface Pending {
	/** Launches what computes these and others of the same kind. */
	complete(all: readonly Pending[]): void;
	/** One of its tensors is disposed of before that. */
	drop(tensor: AnyTensor): void;
}

/** What is told of changes to gradients. @internal */
export interface GradientObserver {
	/** A gradient is looked at. */
	read(parameter: Parameter, gradient: Tensor | null): void;
	/** A gradient is replaced; true if the old one must not be freed. */
	replace(parameter: Parameter, gradient: Tensor | null): boolean;
}

/** The backward pass of the operation that made a tensor; recorded by the tape, called by `backward`. */
export interface GradientNode {
	/** The operation's name, for messages. */
	readonly operation: string;
	readonly inputs: readonly Tensor[];
	/**
	 * From the gradient of the output to those of the inputs, null for an input that needs none. The caller disposes of the
	 * results.
	 *
	 * @param take takes over the gradient that an input has so far, if it has one: then the result must
	 * contain it, and `backward` disposes of it
	 */
	readonly backward: (gradient: Tensor, take: (input: number) => Tensor | undefined) => readonly (Tensor | null)[];
	/** If the operation ends in a ReLU. */
	readonly relu?: ReluMask;
	/** The tensors whose elements `backward` reads, each with its version in the forward pass. */
	readonly reads: readonly { readonly tensor: AnyTensor; readonly version: number }[];
}

/**
 * The mask of a ReLU's backward pass, output > 0. An operation on the output can apply it in the pass that computes the output's
 * gradient.
 */
export interface ReluMask {
	/** The gradient to which it has been applied. */
	masked: Tensor | null;
}

/** An array on the GPU: a shape, a dtype and a buffer. Operations are functions that take tensors. */
export class Tensor<D extends DType = "float32"> {
	static readonly name: string = "Tensor";

	readonly size: number;
	/** The operation that made it, if a gradient flows through it. */
	gradientNode: GradientNode | null = null;
	/** What an error advises if the tensor is used after it was disposed of. @internal */
	disposalAdvice = "A tensor made inside gpu.scope() ends with the scope unless the scope returns it.";
	/** What still has to compute the elements. @internal */
	pending: Pending | null = null;
	private needsGrad = false;
	private disposed = false;
	/** Contiguous memory that was made of blocked memory; kept, because a tensor may be read and shared often. */
	private converted: Storage | null = null;

	/** Made by `gpu.tensor`, `gpu.empty` and operations; it frees `primary` in the end. */
	constructor(
		readonly gpu: Gpu,
		private primary: Storage,
		readonly shape: Shape,
		readonly dtype: D,
		private primaryLayout: Layout = "contiguous",
	) {
		const made = "make tensors with gpu.tensor(data, shape)";
		if (typeof gpu?.track !== "function") throw wrongArgument(new.target.name, "gpu", "an open device", gpu, made);
		if (typeof primary !== "object" || primary === null)
			throw wrongArgument(new.target.name, "memory", "a storage", primary, made);
		if (!Array.isArray(shape)) throw wrongArgument(new.target.name, "shape", "an array of lengths", shape, made);
		this.size = sizeOf(shape);
		gpu.track(this);
	}

	/** Whether `backward` carries a gradient to (or through) this tensor. */
	get requiresGrad(): boolean {
		return this.needsGrad;
	}

	set requiresGrad(value: boolean) {
		if (typeof value !== "boolean") checkFlag(this.constructor.name, "requiresGrad", value);
		this.needsGrad = value;
	}

	/**
	 * How the elements lie in memory. A step that is traced sees tensors from outside as contiguous, because new data that is
	 * uploaded to them will be.
	 */
	get layout(): Layout {
		this.checkAlive();
		return this.primaryLayout === "blocked" && !this.gpu.isExternal(this.primary) ? "blocked" : "contiguous";
	}

	/**
	 * The GPU memory with the elements in a layout. If they lie in the other one, this launches a conversion: contiguous memory is
	 * then kept as long as the tensor, blocked memory as long as the scope that is open.
	 *
	 * @param layout default "contiguous"
	 * @throws DisposedError after `dispose()`
	 */
	memory(layout: Layout = "contiguous"): Storage {
		if (layout !== "contiguous") checkWord("tensor.memory", "layout", layout, layoutNames);
		this.checkAlive();
		this.pending?.complete([this.pending]);
		if (layout === "blocked") return this.layout === "blocked" ? this.primary : this.blockedCopy();
		if (this.primaryLayout === "contiguous") return this.primary;
		this.converted ??= this.contiguousCopy();
		return this.converted;
	}

	/** As `memory()`, but elements that are pending stay so. @internal */
	memoryOfPending(): Storage {
		return this.pending === null ? this.memory() : this.primary;
	}

	/** Converts the tensor to the contiguous layout, and frees its memory in another one. @internal */
	makeContiguous(): void {
		if (this.primaryLayout === "contiguous") return;
		const memory = this.memory();
		this.primary.free();
		this.primary = memory;
		this.primaryLayout = "contiguous";
		this.converted = null;
	}

	/** The only memory of the tensor, contiguous, to be overwritten. @internal */
	writableMemory(): Storage {
		this.makeContiguous();
		return this.memory();
	}

	private contiguousCopy(): Storage {
		const { gpu, primary, shape } = this;
		const convert = () => toContiguous(gpu, primary, shape);
		const copy = gpu.isExternal(primary) ? gpu.runEagerly(convert) : convert();
		copy.changes = primary.changes;
		return copy;
	}

	private blockedCopy(): Storage {
		const blocks = this.gpu.empty([wordsOf(this.shape, "blocked")]).memory();
		toBlocked(this.gpu, this.memory(), this.shape, blocks);
		return blocks;
	}

	/** How often the elements were overwritten since the memory was allocated; views of one memory have one version. */
	get version(): number {
		return this.primary.changes.count;
	}

	get isDisposed(): boolean {
		return this.disposed;
	}

	/**
	 * The elements, copied to the host once the GPU has computed them.
	 *
	 * @throws what failed on the GPU, DisposedError, CaptureError inside a captured step
	 * @example
	 * const values = await y.data(); // Float32Array
	 */
	data(): Promise<DataOf<D>> {
		return this.gpu.readAll([this]).then(([data]) => data as DataOf<D>);
	}

	/**
	 * The elements as arrays nested as the shape is, as torch.Tensor.tolist; a number of a scalar.
	 *
	 * @throws as `data()`
	 * @example
	 * const rows = await y.array(); // [[1, 2], [3, 4]]
	 */
	array(): Promise<NestedNumbers> {
		return this.data().then((data) => nested(Array.from(data), this.shape));
	}

	/** The value of a tensor with one element, as torch.Tensor.item. @throws ShapeError if it has more */
	item(): Promise<number> {
		this.gpu.refuseInStep(readsBack);
		return this.readItem();
	}

	private async readItem(): Promise<number> {
		if (this.size !== 1)
			throw new ShapeError(
				`tensor.item: the tensor must have one element, but has shape ${formatShape(this.shape)}: use data().`,
			);
		return (await this.data())[0] as number;
	}

	/**
	 * Another tensor over the same memory, with the same number of elements; no gradient flows through it. If one of them is
	 * overwritten from the host, the other may keep the old elements.
	 */
	share(shape: Shape = this.shape): Tensor<D> {
		this.checkAlive();
		checkShape("tensor.share", shape);
		if (sizeOf(shape) !== this.size)
			throw new ShapeError(
				`tensor.share: shape must have the ${this.size} elements of ${formatShape(this.shape)}, but is ${formatShape(shape)}.`,
			);
		if (this.primaryLayout === "blocked" && this.converted === null && sameShape(shape, this.shape))
			return new Tensor(this.gpu, this.primary.retain(), shape, this.dtype, "blocked");
		return new Tensor(this.gpu, this.memory().retain(), shape, this.dtype);
	}

	/** Frees the memory, unless another tensor shares it. A second call does nothing. */
	dispose(): void {
		if (this.disposed) return;
		this.disposed = true;
		this.gradientNode = null;
		this.gpu.untrack(this);
		this.pending?.drop(this);
		this.primary.free();
		this.converted?.free();
	}

	/** Kind, dtype and shape. */
	toString(): string {
		const kind = this.constructor.name;
		return `${kind} ${this.dtype} ${formatShape(this.shape)}${this.disposed ? ", disposed of" : ""}`;
	}

	toJSON(): string {
		return this.toString();
	}

	/** @internal */
	[inspect](): string {
		return this.toString();
	}

	private checkAlive(): void {
		if (this.disposed)
			throw new DisposedError(
				`A tensor of shape ${formatShape(this.shape)} was used after it was disposed of. ${this.disposalAdvice}`,
			);
	}

	[Symbol.dispose](): void {
		this.dispose();
	}
}

/** A tensor that is trained: `backward` adds to its `grad`. Made by `gpu.parameter`. */
export class Parameter extends Tensor {
	static override readonly name: string = "Parameter";

	private gradient: Tensor | null = null;

	constructor(gpu: Gpu, memory: Storage, shape: Shape) {
		super(gpu, memory, shape, "float32");
		this.requiresGrad = true;
	}

	/** The gradient that `backward` has summed up since the last `zeroGrad()`. @throws GradientError if there is none */
	get grad(): Tensor {
		this.gpu.gradientLog?.read(this, this.gradient);
		if (this.gradient === null)
			throw new GradientError(
				`The parameter of shape ${formatShape(this.shape)} has no gradient: call backward(loss) with a loss that depends on it first.`,
			);
		return this.gradient;
	}

	get hasGrad(): boolean {
		this.gpu.gradientLog?.read(this, this.gradient);
		return this.gradient !== null;
	}

	/** Replaces the gradient. The parameter frees it at the next `zeroGrad()`; it outlives the scope that made it. */
	setGrad(gradient: Tensor): void {
		if (!(gradient instanceof Tensor)) throw wrongArgument("parameter.setGrad", "gradient", "a tensor", gradient);
		if (gradient.dtype !== "float32" || !sameShape(gradient.shape, this.shape))
			throw new ShapeError(
				`parameter.setGrad: gradient must be float32 ${formatShape(this.shape)}, as the parameter, but is ${gradient}.`,
			);
		this.replaceGrad(this.gpu.keep(gradient));
	}

	/** Frees the gradient. */
	zeroGrad(): void {
		this.replaceGrad(null);
	}

	/** For `gpu.capture`: replaces the gradient and returns the old one. @internal */
	exchangeGrad(gradient: Tensor | null): Tensor | null {
		const before = this.gradient;
		this.gradient = gradient;
		return before;
	}

	override dispose(): void {
		this.zeroGrad();
		super.dispose();
	}

	private replaceGrad(gradient: Tensor | null): void {
		if (this.gpu.gradientLog?.replace(this, this.gradient) !== true) this.gradient?.dispose();
		this.gradient = gradient;
	}
}

/** A tensor of any dtype. */
export type AnyTensor = Tensor<DType>;

/** Elements as nested arrays of a shape. */
function nested(elements: readonly number[], [length, ...inner]: Shape): NestedNumbers {
	if (length === undefined) return elements[0];
	const size = sizeOf(inner);
	return Array.from({ length }, (_, i) => nested(elements.slice(i * size, (i + 1) * size), inner));
}
