import { checkArray, checkFunction, checkWord, wrongArgument } from "../base/arguments.js";
import { ArgumentError, DeviceMismatchError, DTypeError, ShapeError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import type { AdapterDescription } from "../gpu/adapter.js";
import { compareTraces } from "../gpu/capture/compare.js";
import { compileTrace } from "../gpu/capture/compile.js";
import { Replay } from "../gpu/capture/replay.js";
import type { TraceMode } from "../gpu/capture/trace.js";
import { Device, readsBack } from "../gpu/device.js";
import type { DeviceOptions } from "../gpu/device_options.js";
import { checkWritable, type Storage } from "../gpu/storage.js";
import type { Choices } from "../gpu/variant.js";
import type { WebGPUDevice } from "../gpu/webgpu.js";
import { ReplayedStep } from "./capture.js";
import { checkAnyTensor } from "./check_tensor.js";
import { arrays, type DataOf, type DType } from "./dtype.js";
import { GradientLog } from "./gradient_log.js";
import {
	checkDTypeName,
	dtypeOf,
	type FloatArray,
	hostArray,
	type NestedNumbers,
	type NumberArray,
	type SignedArray,
	shapeOfData,
	type UnsignedArray,
} from "./host_data.js";
import { type Layout, layoutNames, wordsOf } from "./layout.js";
import type { TensorMaker } from "./making.js";
import {
	type AnyTensor,
	type Capture,
	type Gpu,
	inspect,
	Parameter,
	type RandomKey,
	type RandomOptions,
	Tensor,
} from "./tensor.js";
import { tensorsIn } from "./tensors_in.js";
import { TracedStep } from "./traced_step.js";

/** The methods are documented in `Gpu`. */
export class TensorGpu extends Device implements Gpu {
	gradientLog: GradientLog | undefined;
	private readonly maker: TensorMaker;
	private readonly scopes: Set<AnyTensor>[] = [];

	/** @param makerOf what fills new tensors; loaded apart, because a bundler cannot leave out methods */
	constructor(
		device: WebGPUDevice,
		adapter: AdapterDescription,
		options: DeviceOptions,
		makerOf: (gpu: Gpu) => TensorMaker,
	) {
		super(device, adapter, options);
		this.maker = makerOf(this);
	}

	tensor(data: SignedArray, shape?: Shape): Tensor<"int32">;
	tensor(data: UnsignedArray, shape?: Shape): Tensor<"uint32">;
	tensor(data: NestedNumbers | FloatArray, shape?: Shape): Tensor;
	tensor<D extends DType>(data: NestedNumbers | NumberArray, shape: Shape | undefined, dtype: D): Tensor<D>;
	tensor(data: NestedNumbers | NumberArray, shape?: Shape, dtype: DType = dtypeOf(data)): AnyTensor {
		const { array, own } = dataFor("gpu.tensor", data, shape, dtype);
		return this.filled(new Tensor(this, this.allocateWords(array.length), own, dtype), array);
	}

	parameter(data: NestedNumbers | NumberArray, shape?: Shape): Parameter {
		const { array, own } = dataFor("gpu.parameter", data, shape, "float32");
		return this.filled(this.keep(new Parameter(this, this.allocateWords(array.length), own)), array);
	}

	zeros<D extends DType = "float32">(shape: Shape, dtype?: D): Tensor<D> {
		return this.maker.constant("gpu.zeros", shape, 0, dtype);
	}

	ones<D extends DType = "float32">(shape: Shape, dtype?: D): Tensor<D> {
		return this.maker.constant("gpu.ones", shape, 1, dtype);
	}

	full<D extends DType = "float32">(shape: Shape, value: number, dtype?: D): Tensor<D> {
		return this.maker.constant("gpu.full", shape, value, dtype);
	}

	arange<D extends DType = "float32">(first: number, last?: number, step?: number, dtype?: D): Tensor<D> {
		return this.maker.range(first, last, step, dtype);
	}

	eye(rows: number, columns?: number): Tensor {
		return this.maker.identity(rows, columns);
	}

	rand(shape: Shape, options?: RandomOptions): Tensor {
		return this.maker.randomNumbers("gpu.rand", shape, options, false);
	}

	randn(shape: Shape, options?: RandomOptions): Tensor {
		return this.maker.randomNumbers("gpu.randn", shape, options, true);
	}

	get random(): Random {
		return this.maker.random;
	}

	manualSeed(seed: number): void {
		this.maker.manualSeed(seed);
	}

	randomKey(seed?: number): RandomKey {
		return this.maker.randomKey(seed);
	}

	/** Memory for a tensor; one word if it has no elements, because buffers cannot be empty. */
	private allocateWords(words: number): Storage {
		return this.allocate(4 * Math.max(1, words));
	}

	empty<D extends DType = "float32">(
		shape: Shape,
		dtype: D = "float32" as D,
		layout: Layout = "contiguous",
	): Tensor<D> {
		checkShape("gpu.empty", shape);
		checkDTypeName("gpu.empty", dtype);
		if (layout !== "contiguous") {
			checkWord("gpu.empty", "layout", layout, layoutNames);
			if (shape.length < 2)
				throw new ShapeError(`gpu.empty: a blocked tensor must be [N, C, …], but shape is ${formatShape(shape)}.`);
		}
		return new Tensor(this, this.allocateWords(wordsOf(shape, layout)), [...shape], dtype, layout);
	}

	/** The tensor with this data; if it cannot be uploaded, the tensor is freed. */
	private filled<T extends AnyTensor>(tensor: T, data: DataOf<DType>): T {
		try {
			if (data.length > 0) this.write(tensor.writableMemory(), data);
			return tensor;
		} catch (error) {
			tensor.dispose();
			throw error;
		}
	}

	constant(value: number, shape: Shape = []): Tensor {
		if (typeof value !== "number") throw wrongArgument("gpu.constant", "value", "a number", value);
		checkShape("gpu.constant", shape);
		if (sizeOf(shape) !== 1)
			throw new ShapeError(`gpu.constant: shape must be of one element, but is ${formatShape(shape)}.`);
		return new Tensor(this, this.uniform(Float32Array.of(value)).retain(), [...shape], "float32");
	}

	upload(tensor: AnyTensor, data: NestedNumbers | ArrayLike<number>): void {
		this.own("gpu.upload", "tensor", tensor);
		this.write(tensor.writableMemory(), hostArray("gpu.upload", data, tensor.shape, tensor.dtype));
	}

	feed(tensor: AnyTensor, source: () => ArrayLike<number>): void {
		this.own("gpu.feed", "tensor", tensor);
		checkFunction("gpu.feed", "source", source);
		const upload = () =>
			this.write(tensor.writableMemory(), hostArray("gpu.feed", source(), tensor.shape, tensor.dtype));
		const { errors, tracer } = this.parts;
		errors.check();
		const memory = tensor.memory();
		checkWritable("gpu.feed", memory);
		tracer.sink.feed(memory, upload);
	}

	clone<D extends DType>(tensor: Tensor<D>): Tensor<D> {
		checkAnyTensor("gpu.clone", "tensor", tensor);
		const copy = this.empty(tensor.shape, tensor.dtype);
		this.copy(tensor, copy);
		return copy;
	}

	copy<D extends DType>(from: Tensor<D>, to: Tensor<D>): void {
		this.own("gpu.copy", "from", from);
		this.own("gpu.copy", "to", to);
		if (!sameShape(from.shape, to.shape))
			throw new ShapeError(
				`gpu.copy: from has shape ${formatShape(from.shape)}, but to has ${formatShape(to.shape)}; they must be equal.`,
			);
		if (from.dtype !== to.dtype)
			throw new DTypeError(`gpu.copy: from is ${from.dtype}, but to is ${to.dtype}; they must be equal.`);
		this.copyStorage(from.memory(), to.writableMemory());
	}

	readAll(tensors: readonly AnyTensor[]): Promise<DataOf<DType>[]> {
		this.refuseInStep(readsBack);
		return this.readTensors(tensors);
	}

	private async readTensors(tensors: readonly AnyTensor[]): Promise<DataOf<DType>[]> {
		checkArray("gpu.readAll", "tensors", tensors, "an array of tensors");
		for (const [i, tensor] of tensors.entries()) this.own("gpu.readAll", `tensors[${i}]`, tensor);
		const bytes = await this.read(tensors.map((tensor) => tensor.memory()));
		return tensors.map(({ dtype }, i) => new arrays[dtype](bytes[i] as ArrayBuffer, 0, tensors[i].size));
	}

	scope<T>(body: () => T): T {
		checkFunction("gpu.scope", "body", body);
		const made = new Set<AnyTensor>();
		this.scopes.push(made);
		let kept: ReadonlySet<AnyTensor> = new Set();
		try {
			const result = body();
			if (result instanceof Promise) {
				result.catch(() => undefined); // its failure would only hide the one that is thrown here
				throw new ArgumentError(
					"gpu.scope: body must not be async, but returned a promise: return tensors from it, and await their data after it.",
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

	capture<T>(step: () => T): Capture<T> {
		checkFunction("gpu.capture", "step", step);
		const first = this.traceResults(step);
		try {
			const second = this.traceResults(step);
			try {
				compareTraces(first.trace, second.trace);
			} finally {
				second.dispose();
			}
			const replay = new Replay(first.trace, this.parts);
			return new ReplayedStep(first, {
				replay: () => {
					replay.replay(this.onLaunch);
					this.countStep();
				},
				dispose: () => replay.dispose(),
			});
		} catch (error) {
			first.dispose();
			throw error;
		}
	}

	prepare(step: () => unknown): Promise<void> {
		this.refuseInStep("captures another step");
		return this.compileStep(step);
	}

	private async compileStep(step: () => unknown): Promise<void> {
		checkFunction("gpu.prepare", "step", step);
		const traced = this.traceStep(step, "prepare");
		traced.disposeResults();
		await compileTrace(traced.trace, this.parts);
	}

	chooseVariant<T, C extends string>(key: string, variants: Choices<C>, compute: (variant: C) => T): T {
		if (typeof key !== "string") throw wrongArgument("gpu.chooseVariant", "key", "text", key);
		if (!Array.isArray(variants) || variants.length === 0)
			throw wrongArgument("gpu.chooseVariant", "variants", "an array of at least one variant", variants);
		checkFunction("gpu.chooseVariant", "compute", compute);
		const { tuner, tracer } = this.parts;
		if (tuner === undefined || variants.length === 1) return compute(variants[0]);
		return tuner.choose(key, variants, compute, tracer.trace, (body) => this.scope(() => void body()));
	}

	isExternal(storage: Storage): boolean {
		return this.parts.tracer.isExternal(storage);
	}

	runEagerly<T>(body: () => T): T {
		return this.parts.tracer.runEagerly(body);
	}

	/** Traces a step; it may leave no tensors alive but those that it returns and gradients. */
	private traceResults<T>(step: () => T): TracedStep<T> {
		const traced = this.traceStep(step, "capture");
		for (const tensor of traced.tensors) this.keep(tensor);
		try {
			traced.checkResults();
			return traced;
		} catch (error) {
			traced.dispose();
			throw error;
		}
	}

	private traceStep<T>(step: () => T, mode: TraceMode): TracedStep<T> {
		const gradients = new GradientLog();
		const wholeStep = () => {
			const result = this.scope(step);
			// What is left is read by the host and uploaded to, which need contiguous memory.
			for (const tensor of [...tensorsIn(result), ...gradients.current])
				if (!tensor.isDisposed && !this.isExternal(tensor.memory())) tensor.makeContiguous();
			return result;
		};
		this.gradientLog = gradients;
		try {
			const { trace, result } = this.parts.tracer.traceStep(wholeStep, mode);
			return new TracedStep(trace, result, gradients);
		} finally {
			this.gradientLog = undefined;
			gradients.restore();
		}
	}

	/** The adapter's description. */
	override toString(): string {
		const { description, vendor, architecture } = this.adapter;
		return `Gpu ${description || `${vendor} ${architecture}`}`;
	}

	[inspect](): string {
		return this.toString();
	}

	keep<T extends AnyTensor>(tensor: T): T {
		checkAnyTensor("gpu.keep", "tensor", tensor);
		this.untrack(tensor);
		return tensor;
	}

	track(tensor: AnyTensor): void {
		this.scopes.at(-1)?.add(tensor);
	}

	untrack(tensor: AnyTensor): void {
		for (const scope of this.scopes) scope.delete(tensor);
	}

	/** @throws ArgumentError, DisposedError unless it is a tensor, DeviceMismatchError for one of another device */
	private own(caller: string, name: string, tensor: AnyTensor): void {
		checkAnyTensor(caller, name, tensor);
		if (tensor.gpu !== this)
			throw new DeviceMismatchError(
				`${caller}: ${name} of shape ${formatShape(tensor.shape)} belongs to another device: use that device's own methods, or read it with data() and upload it here.`,
			);
	}
}

/** Data as a host array, with its shape if none is given. */
function dataFor(
	caller: string,
	data: unknown,
	shape: Shape | undefined,
	dtype: DType,
): { readonly array: DataOf<DType>; readonly own: Shape } {
	checkDTypeName(caller, dtype);
	if (shape === undefined) {
		const own = shapeOfData(caller, data);
		checkShape(caller, own, "the shape of data");
		return { array: hostArray(caller, data, own, dtype), own };
	}
	checkShape(caller, shape);
	return { array: hostArray(caller, data, shape, dtype), own: [...shape] };
}
