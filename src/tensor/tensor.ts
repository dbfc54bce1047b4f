/// <reference lib="esnext.disposable" preserve="true" />
import { checkFlag, checkWord, wrongArgument } from "../base/arguments.js";
import { DisposedError, GradientError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { readsBack } from "../gpu/device.js";
import type { Storage } from "../gpu/storage.js";
import type { Gpu } from "./gpu.js";
import { type Layout, layoutNames, toBlocked, toContiguous, wordsOf } from "./layout.js";

/** The type of a tensor's elements; each is one 32-bit word. */
export type DType = "float32" | "int32" | "uint32";

/** The host array of a dtype. */
export type DataOf<D extends DType> = D extends "float32" ? Float32Array : D extends "int32" ? Int32Array : Uint32Array;

/** What Node's console.log prints of an object. */
export const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** The backward pass of the operation that made a tensor; recorded by the tape, called by `backward`. */
export interface GradientNode {
	/** The operation's name, for messages. */
	readonly operation: string;
	readonly inputs: readonly Tensor[];
	/**
	 * From the gradient of the output to those of the inputs, null for an input that needs none. The caller disposes of the
	 * results.
	 */
	readonly backward: (gradient: Tensor) => readonly (Tensor | null)[];
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
		return this.primaryLayout === "blocked" && !this.gpu.isOutside(this.primary) ? "blocked" : "contiguous";
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
		if (layout === "blocked") return this.layout === "blocked" ? this.primary : this.blockedCopy();
		if (this.primaryLayout === "contiguous") return this.primary;
		this.converted ??= this.contiguousCopy();
		return this.converted;
	}

	/**
	 * The contiguous memory, to be overwritten: memory that holds the old elements in another layout is freed.
	 *
	 * @internal
	 */
	writableMemory(): Storage {
		const memory = this.memory();
		if (this.primaryLayout === "contiguous") return memory;
		this.primary.free();
		this.primary = memory;
		this.primaryLayout = "contiguous";
		this.converted = null;
		return memory;
	}

	private contiguousCopy(): Storage {
		const { gpu, primary, shape } = this;
		const copy = gpu.atOnceOutside(primary, () => toContiguous(gpu, primary, shape));
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
