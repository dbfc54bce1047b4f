import { Device } from "../gpu/device.js";
import { ArgumentError, CaptureError, DeviceMismatchError, DTypeError, ShapeError } from "../gpu/errors.js";
import type { Recording } from "../gpu/recording.js";
import { Capture, GradientLog } from "./capture.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from "./shape.js";
import { type AnyTensor, type DataOf, type DType, Parameter, Tensor } from "./tensor.js";

const arrays = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array } as const;

function dtypeOf(data: unknown): DType {
	if (data instanceof Int32Array) return "int32";
	if (data instanceof Uint32Array) return "uint32";
	return "float32";
}

/** An open device: it makes tensors, reads them back, and decides how long they live. Opened by `openDevice()`. */
export class Gpu extends Device {
	/** For `Parameter`: what happens to gradients while a step is recorded. */
	gradientLog: GradientLog | undefined;
	private readonly scopes: Set<AnyTensor>[] = [];

	/**
	 * A tensor with this data, row-major. The dtype follows the array (plain numbers and Float32Array: float32) unless
	 * it is given.
	 *
	 * @throws ShapeError where data and shape differ in size, DTypeError for an array of another kind.
	 */
	tensor(data: Int32Array, shape: Shape): Tensor<"int32">;
	tensor(data: Uint32Array, shape: Shape): Tensor<"uint32">;
	tensor(data: readonly number[] | Float32Array, shape: Shape): Tensor;
	tensor<D extends DType>(data: readonly number[] | DataOf<D>, shape: Shape, dtype: D): Tensor<D>;
	tensor(data: ArrayLike<number>, shape: Shape, dtype: DType = dtypeOf(data)): AnyTensor {
		return this.filled(this.empty(shape, dtype), data);
	}

	/** A float32 tensor to be trained, see `Parameter`. It lives until `dispose()`, also when made inside a scope. */
	parameter(data: readonly number[] | Float32Array, shape: Shape): Parameter {
		checkShape(shape, "A parameter");
		const parameter = this.keep(new Parameter(this, this.allocate(4 * sizeOf(shape)), [...shape]));
		return this.filled(parameter, data);
	}

	/** A tensor whose elements are yet to be written. */
	empty<D extends DType = "float32">(shape: Shape, dtype: D = "float32" as D): Tensor<D> {
		checkShape(shape, "A tensor");
		return new Tensor(this, this.allocate(4 * sizeOf(shape)), [...shape], dtype);
	}

	/** The tensor with this data; where the data does not fit, the tensor is given back. */
	private filled<T extends AnyTensor>(tensor: T, data: ArrayLike<number>): T {
		try {
			this.upload(tensor, data);
			return tensor;
		} catch (error) {
			tensor.dispose();
			throw error;
		}
	}

	/** A scalar-sized float32 tensor with this value, for reading only: equal values share one small buffer. */
	constant(value: number, shape: Shape = []): Tensor {
		if (sizeOf(shape) !== 1) throw new ShapeError(`A constant has one element, not the shape ${formatShape(shape)}.`);
		return new Tensor(this, this.uniform(Float32Array.of(value)).retain(), [...shape], "float32");
	}

	/** Overwrites a tensor's elements with host data of its dtype. */
	upload(tensor: AnyTensor, data: ArrayLike<number>): void {
		this.own(tensor);
		if (data.length !== tensor.size)
			throw new ShapeError(
				`${data.length} numbers do not fill a tensor of shape ${formatShape(tensor.shape)}, which has ${tensor.size}.`,
			);
		const array = arrays[tensor.dtype];
		if (ArrayBuffer.isView(data) && !(data instanceof array))
			throw new DTypeError(
				`A ${tensor.dtype} tensor takes numbers or a ${array.name}, not a ${data.constructor.name}.`,
			);
		if (!(data instanceof array)) checkNumbers(data, tensor.dtype);
		this.write(tensor.writableStorage, data instanceof array ? data : array.from(data));
	}

	/**
	 * Overwrites a tensor's elements with what `source` gives now and, where this is part of a captured step, with what
	 * it gives before each replay: for values that change from step to step, such as a learning rate.
	 *
	 * @throws CaptureError where a captured step has made the tensor itself, or has used it before.
	 */
	feed(tensor: AnyTensor, source: () => ArrayLike<number>): void {
		this.own(tensor);
		if (!this.recordFeed(tensor.storage, () => this.upload(tensor, source()))) this.upload(tensor, source());
	}

	/** A copy with memory of its own. */
	clone<D extends DType>(tensor: Tensor<D>): Tensor<D> {
		const copy = this.empty(tensor.shape, tensor.dtype);
		this.copy(tensor, copy);
		return copy;
	}

	/** Overwrites `to` with the elements of `from`, on the GPU. */
	copy<D extends DType>(from: Tensor<D>, to: Tensor<D>): void {
		if (from.gpu !== this || to.gpu !== this)
			throw new DeviceMismatchError("A tensor of one device was copied to another; read it with data() and upload it.");
		if (!sameShape(from.shape, to.shape))
			throw new ShapeError(
				`A tensor of shape ${formatShape(from.shape)} was copied to one of shape ${formatShape(to.shape)}.`,
			);
		if (from.dtype !== to.dtype) throw new DTypeError(`A ${from.dtype} tensor was copied to a ${to.dtype} tensor.`);
		this.copyStorage(from.storage, to.writableStorage);
	}

	/** The elements of several tensors, with one copy and one wait for all of them. */
	async readAll(tensors: readonly AnyTensor[]): Promise<DataOf<DType>[]> {
		for (const tensor of tensors) this.own(tensor);
		const bytes = await this.read(tensors.map(({ storage }) => storage));
		return tensors.map(({ dtype }, i) => new arrays[dtype](bytes[i] as ArrayBuffer));
	}

	/**
	 * Runs `body` and disposes of every tensor that it made, except those it returns (a tensor, or an array, map or
	 * plain object of tensors), parameters and their gradients. A training step belongs into a scope.
	 *
	 * @throws ArgumentError where `body` returns a promise: what is awaited outlives the scope.
	 */
	scope<T>(body: () => T): T {
		const made = new Set<AnyTensor>();
		this.scopes.push(made);
		let kept: ReadonlySet<AnyTensor> = new Set();
		try {
			const result = body();
			if (result instanceof Promise) {
				result.catch(() => undefined); // its failure would only hide the one that is thrown here
				throw new ArgumentError(
					"gpu.scope() takes a function that is not async: await reads after it, on tensors that it returns.",
				);
			}
			kept = tensorsIn(result);
			return result;
		} finally {
			this.scopes.pop();
			const outer = this.scopes.at(-1);
			for (const tensor of made) {
				if (kept.has(tensor)) outer?.add(tensor);
				else tensor.dispose();
			}
		}
	}

	/**
	 * Records what `step` launches, so that `replay()` can do it again and again without running `step`: the same kernels
	 * over the same buffers, with one submit and nothing created. `step` is called twice at once, to see that it does the
	 * same each time, but nothing is computed or changed before the first `replay()`; what it makes ends with it, as in
	 * `gpu.scope`, except what it returns and gradients.
	 *
	 * New data goes into tensors that were made before: by `gpu.upload` between replays, or by `gpu.feed` in the step.
	 * Shapes, numbers given to operations, and which tensors are used are those of the recording.
	 *
	 * @throws CaptureError where `step` reads back, uploads, waits, differs from one call to the next, or leaves a tensor
	 * alive that it does not return; the message says after which dispatch.
	 */
	capture<T>(step: () => T): Capture<T> {
		const first = this.recordStep(step);
		try {
			const second = this.recordStep(step);
			try {
				first.recording.compare(second.recording);
			} finally {
				second.discard();
			}
			const replay = this.prepareReplay(first.recording);
			return new Capture(first.result, first.tensors, first.gradients, {
				replay: () => this.replay(replay),
				dispose: () => replay.dispose(),
			});
		} catch (error) {
			first.discard();
			throw error;
		}
	}

	/**
	 * Compiles the kernels that `step` will launch, all at once and without keeping this thread, so that its first run
	 * need not wait for one after the other. On a device opened with `tune`, it also measures which kernels are the
	 * fastest for the shapes in `step`. `step` is run, but nothing is computed or changed by it.
	 *
	 * Software adapters may put off compiling until the first launch all the same.
	 *
	 * @throws CaptureError where `step` reads back or waits, ShaderError for a kernel that does not compile.
	 */
	async prepare(step: () => unknown): Promise<void> {
		const { recording, result, gradients } = this.recordOnce(step, true);
		for (const tensor of madeIn(recording, result)) tensor.dispose();
		gradients.dispose();
		await this.compile(recording);
	}

	protected override discard(body: () => unknown): void {
		this.scope(() => {
			body();
		});
	}

	/** Runs a step without doing anything on the GPU. */
	private recordOnce<T>(
		step: () => T,
		rehearsal: boolean,
	): { recording: Recording; result: T; gradients: GradientLog } {
		const gradients = new GradientLog();
		this.gradientLog = gradients;
		try {
			const whole = () => {
				const result = this.scope(step);
				// What is left is read later: it has to be in row-major order, and in no other.
				for (const tensor of [...tensorsIn(result), ...gradients.current])
					if (!tensor.isDisposed && !this.isOutside(tensor.storage)) void tensor.writableStorage;
				return result;
			};
			return { ...this.record(whole, rehearsal), gradients };
		} finally {
			this.gradientLog = undefined;
			gradients.restore();
		}
	}

	/** Runs a step without doing anything on the GPU, with the tensors that it returns and the gradients that it sets. */
	private recordStep<T>(step: () => T): {
		recording: Recording;
		result: T;
		tensors: readonly AnyTensor[];
		gradients: GradientLog;
		discard(): void;
	} {
		const { recording, result, gradients } = this.recordOnce(step, false);
		const tensors = madeIn(recording, result);
		for (const tensor of tensors) this.keep(tensor);
		const discard = () => {
			for (const tensor of tensors) tensor.dispose();
			gradients.dispose();
			recording.release();
		};
		const known = new Set([...tensors, ...gradients.made].map(({ storage }) => storage));
		const lost = recording.kept.find((storage) => !known.has(storage));
		if (lost !== undefined) {
			discard();
			throw new CaptureError(
				`A captured step leaves a tensor of ${lost.bytes} bytes alive that it does not return (${recording.placeOf(lost)}). Return it, or make it before the step.`,
			);
		}
		return { recording, result, tensors, gradients, discard };
	}

	/** Takes a tensor out of the scopes that are open, so that it lives until `dispose()`. */
	keep<T extends AnyTensor>(tensor: T): T {
		this.untrack(tensor);
		return tensor;
	}

	/** For `Tensor` itself: a new one belongs to the innermost open scope. */
	track(tensor: AnyTensor): void {
		this.scopes.at(-1)?.add(tensor);
	}

	untrack(tensor: AnyTensor): void {
		for (const scope of this.scopes) scope.delete(tensor);
	}

	private own(tensor: AnyTensor): void {
		if (tensor.gpu !== this)
			throw new DeviceMismatchError(
				`A tensor of shape ${formatShape(tensor.shape)} belongs to another device; use that device's own methods.`,
			);
	}
}

/** The tensors in a value: itself, or the elements of arrays, maps, sets and plain objects, at any depth. */
function tensorsIn(value: unknown, found = new Set<AnyTensor>()): Set<AnyTensor> {
	if (value instanceof Tensor) found.add(value);
	else if (Array.isArray(value)) for (const element of value) tensorsIn(element, found);
	else if (value instanceof Map || value instanceof Set)
		for (const element of value.values()) tensorsIn(element, found);
	else if (isPlainObject(value)) for (const element of Object.values(value)) tensorsIn(element, found);
	return found;
}

/** The tensors in a value that a recorded step has made. */
function madeIn(recording: Recording, value: unknown): AnyTensor[] {
	return [...tensorsIn(value)].filter((tensor) => !tensor.isDisposed && recording.made.has(tensor.storage));
}

/** @throws ArgumentError for numbers that an integer tensor cannot hold, instead of wrapping them. */
function checkNumbers(data: ArrayLike<number>, dtype: DType): void {
	if (dtype === "float32") return;
	const [least, most] = dtype === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
	for (let i = 0; i < data.length; i++) {
		const value = data[i];
		if (!Number.isInteger(value) || value < least || value > most)
			throw new ArgumentError(`A ${dtype} tensor cannot hold ${value}.`);
	}
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
	if (value === null || typeof value !== "object") return false;
	const prototype: unknown = Object.getPrototypeOf(value);
	return prototype === null || prototype === Object.prototype;
}
