/// <reference lib="esnext.disposable" preserve="true" />
import { checkFlag, wrongArgument } from "../base/arguments.js";
import { DisposedError, GradientError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { readsBack } from "../gpu/device.js";
import type { Storage } from "../gpu/storage.js";
import type { Gpu } from "./gpu.js";

/** What a tensor's elements are; each is one 32-bit word. */
export type DType = "float32" | "int32" | "uint32";

/** The host array of a dtype. */
export type DataOf<D extends DType> = D extends "float32" ? Float32Array : D extends "int32" ? Int32Array : Uint32Array;

/** What Node's console.log prints of an object. */
export const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** How to go back through the operation that made a tensor; recorded by `autograd`, read by `backward`. */
export interface GradientNode {
	/** The operation's name, for messages. */
	readonly operation: string;
	readonly inputs: readonly Tensor[];
	/**
	 * From the gradient of the output to that of each input; null where an input needs none. The results belong to the
	 * caller, which disposes of them.
	 */
	readonly backward: (gradient: Tensor) => readonly (Tensor | null)[];
	/** The tensors whose elements `backward` reads, each with its version in the forward pass. */
	readonly reads: readonly { readonly tensor: AnyTensor; readonly version: number }[];
}

/** Memory that holds a tensor in another order than row-major, see kernels/block_images.wgsl. */
export interface BlockedMemory {
	readonly storage: Storage;
	/** Makes row-major memory of it. */
	readonly toRowMajor: (storage: Storage) => Storage;
}

/** An array on the GPU: a shape, a dtype and a buffer. Operations are functions that take tensors. */
export class Tensor<D extends DType = "float32"> {
	static readonly name: string = "Tensor";

	readonly size: number;
	/** The operation that made it, where a gradient flows through it. */
	gradientNode: GradientNode | null = null;
	/** What to do instead, for whoever uses it after it was disposed of; set by who disposes of it unasked. @internal */
	disposalAdvice = "A tensor made inside gpu.scope() ends with the scope unless the scope returns it.";
	private needsGrad = false;
	private disposed = false;
	private rowMajor: Storage | null;
	private blockedMemory: BlockedMemory | null;

	/** Made by `gpu.tensor` and by operations; takes over one hold of `memory`. */
	constructor(
		readonly gpu: Gpu,
		memory: Storage | BlockedMemory,
		readonly shape: Shape,
		readonly dtype: D,
	) {
		const made = "make tensors with gpu.tensor(data, shape)";
		if (typeof gpu?.track !== "function") throw wrongArgument(new.target.name, "gpu", "an open device", gpu, made);
		if (typeof memory !== "object" || memory === null)
			throw wrongArgument(new.target.name, "memory", "a storage", memory, made);
		if (!Array.isArray(shape)) throw wrongArgument(new.target.name, "shape", "an array of lengths", shape, made);
		this.size = sizeOf(shape);
		this.rowMajor = "toRowMajor" in memory ? null : memory;
		this.blockedMemory = "toRowMajor" in memory ? memory : null;
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

	/** The GPU memory underneath, row-major. @throws DisposedError after `dispose()`. */
	get storage(): Storage {
		this.checkAlive();
		if (this.rowMajor === null) {
			const { storage, toRowMajor } = this.blockedMemory as BlockedMemory;
			this.rowMajor = this.gpu.atOnceOutside(storage, () => toRowMajor(storage));
			this.rowMajor.changes = storage.changes;
		}
		return this.rowMajor;
	}

	/**
	 * The same elements in blocks of images where an operation left them so, for operations that go on with them. A step
	 * that is recorded sees those of tensors from outside in row-major order alone, which is where new data will go.
	 * @internal
	 */
	get blocked(): Storage | null {
		this.checkAlive();
		const storage = this.blockedMemory?.storage ?? null;
		return storage === null || this.gpu.isOutside(storage) ? null : storage;
	}

	/**
	 * The row-major memory, to be overwritten: memory that holds the old elements in another order is freed.
	 *
	 * @internal
	 */
	get writableStorage(): Storage {
		const { storage } = this;
		this.blockedMemory?.storage.free();
		this.blockedMemory = null;
		return storage;
	}

	/** How often the elements were overwritten since the memory was allocated; views of one memory have one version. */
	get version(): number {
		return (this.rowMajor ?? (this.blockedMemory as BlockedMemory).storage).changes.count;
	}

	get isDisposed(): boolean {
		return this.disposed;
	}

	/** The elements, copied to the host once the GPU has computed them. */
	data(): Promise<DataOf<D>> {
		return this.gpu.readAll([this]).then(([data]) => data as DataOf<D>);
	}

	/** The value of a tensor with one element. */
	item(): Promise<number> {
		this.gpu.refuseInStep(readsBack);
		return this.readItem();
	}

	private async readItem(): Promise<number> {
		if (this.size !== 1)
			throw new ShapeError(
				`tensor.item: it takes a tensor of one element, but this one has shape ${formatShape(this.shape)}. Use data().`,
			);
		return (await this.data())[0] as number;
	}

	/**
	 * Another tensor over the same memory, with the same number of elements; it takes no part in gradients. Overwriting one
	 * from the host need not reach the other: what lies in blocks of images is given up by the one that is written.
	 */
	share(shape: Shape = this.shape): Tensor<D> {
		this.checkAlive();
		checkShape("tensor.share", shape);
		if (sizeOf(shape) !== this.size)
			throw new ShapeError(
				`tensor.share: shape ${formatShape(shape)} must have the ${this.size} elements of ${formatShape(this.shape)}.`,
			);
		if (this.blockedMemory !== null && this.rowMajor === null && sameShape(shape, this.shape)) {
			const { storage, toRowMajor } = this.blockedMemory;
			return new Tensor(this.gpu, { storage: storage.retain(), toRowMajor }, shape, this.dtype);
		}
		return new Tensor(this.gpu, this.storage.retain(), shape, this.dtype);
	}

	/** Gives the memory back (it stays while another tensor shares it). Doing so twice does nothing. */
	dispose(): void {
		if (this.disposed) return;
		this.disposed = true;
		this.gradientNode = null;
		this.gpu.untrack(this);
		this.rowMajor?.free();
		this.blockedMemory?.storage.free();
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

	/** The gradient that `backward` has summed up since the last `zeroGrad()`. @throws GradientError where there is none. */
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

	/** Replaces the gradient and takes it over: it lives until the next `zeroGrad()`, also outside its scope. */
	setGrad(gradient: Tensor): void {
		if (!(gradient instanceof Tensor)) throw wrongArgument("parameter.setGrad", "gradient", "a tensor", gradient);
		if (gradient.dtype !== "float32" || !sameShape(gradient.shape, this.shape))
			throw new ShapeError(
				`parameter.setGrad: gradient must be float32 ${formatShape(this.shape)}, as the parameter, but is ${gradient}.`,
			);
		this.replaceGrad(this.gpu.keep(gradient));
	}

	/** Forgets the gradient and gives its memory back. */
	zeroGrad(): void {
		this.replaceGrad(null);
	}

	/** For `gpu.capture`: replaces the gradient and hands the old one over. @internal */
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
