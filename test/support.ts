import { backward, type Gpu, mul, openDevice, type Parameter, sum, type Tensor, type Variant } from "tessera-gpu";
import * as assert from "uvu/assert";
import { Random } from "../src/base/random.js";
import { assertClose, assertSame, randomArray } from "./arrays.js";
import type { Array64 } from "./reference/array.js";

export * from "./arrays.js";

let shared: Promise<Gpu> | undefined;

/** The device that all test files share. */
export function device(): Promise<Gpu> {
	shared ??= openDevice();
	return shared;
}

const others = new Map<Variant, Promise<Gpu>>();

/** A device that has one variant of the kernels, for all test files. */
export function deviceWith(variant: Variant): Promise<Gpu> {
	const opened = others.get(variant) ?? openDevice({ variant });
	others.set(variant, opened);
	return opened;
}

/**
 * The devices on which each op is checked: the shared one and those with the other variants. An op without
 * tiled kernels launches on a GPU what it launches on a device with the portable ones.
 */
export async function variants({ tiled = false } = {}): Promise<Gpu[]> {
	const gpu = await device();
	const wanted: Variant[] = tiled ? ["portable", "tiled"] : ["portable"];
	return [gpu, ...(await Promise.all(wanted.filter((name) => name !== gpu.variants[0]).map(deviceWith)))];
}

/** A float32 tensor of the numbers of a reference array. */
export function tensorOf(gpu: Gpu, x: Array64): Tensor {
	return gpu.tensor(Float32Array.from(x.data), x.shape);
}

/** A parameter with the numbers of a reference array. */
export function parameterOf(gpu: Gpu, x: Array64): Parameter {
	return gpu.parameter(Float32Array.from(x.data), x.shape);
}

type Memory = ReturnType<Gpu["memory"]>;

/** One call of an op, and what the references say of it. */
export interface OpCase {
	/** The inputs that get gradients. */
	readonly inputs: readonly Array64[];
	readonly run: (inputs: Tensor[], gpu: Gpu) => Tensor;
	readonly expected: Array64;
	/** The gradients of the inputs, given that of the result. */
	readonly gradients: (dy: Array64) => readonly Array64[];
	/** Whether it has tiled kernels (default false). */
	readonly tiled?: boolean;
}

/** What {@link evaluate} read back. */
interface Evaluation {
	readonly shape: readonly number[];
	readonly value: ArrayLike<number>;
	readonly gradients: readonly ArrayLike<number>[];
}

/** y = f(inputs) and the gradients of sum(y · c) by the inputs; nothing of it stays on the device. */
async function evaluate({ inputs, run }: OpCase, c: Array64, gpu: Gpu): Promise<Evaluation> {
	const parameters = inputs.map((input) => parameterOf(gpu, input));
	const y = gpu.scope(() => {
		const y = run(parameters, gpu);
		backward(sum(mul(y, tensorOf(gpu, c))));
		return y;
	});
	const value = await y.data();
	const gradients = await Promise.all(parameters.map((parameter) => parameter.grad.data()));
	for (const tensor of [y, ...parameters]) tensor.dispose();
	return { shape: y.shape, value, gradients };
}

/**
 * Checks an op against its reference, on each variant of the kernels: shape, values (relative error at most 1e-5), the
 * gradients of sum(y · c) for a random c (at most 1e-4), and that a second run gives the same bits and leaves no memory
 * behind.
 */
export async function checkOp(message: string, op: OpCase, seed = 1): Promise<void> {
	for (const gpu of await variants(op)) await checkOn(gpu, `${message} (${gpu.variants[0]})`, op, seed);
}

async function checkOn(gpu: Gpu, message: string, op: OpCase, seed: number): Promise<void> {
	const c = randomArray(new Random(seed), op.expected.shape);
	const first = await evaluate(op, c, gpu);
	assert.equal([...first.shape], op.expected.shape, `${message}: shape`);
	assertClose(first.value, op.expected.data, 1e-5, `${message}: value`);
	op.gradients(c).forEach((gradient, i) => {
		assertClose(first.gradients[i], gradient.data, 1e-4, `${message}: gradient of input ${i}`);
	});
	const before = gpu.memory();
	const second = await evaluate(op, c, gpu);
	assertSameMemory(gpu.memory(), before, message);

	assertSame(second.value, first.value, `${message}: value of a second run`);
	second.gradients.forEach((gradient, i) => {
		assertSame(gradient, first.gradients[i], `${message}: gradient of input ${i} in a second run`);
	});
}

/** Throws unless as many buffers and bytes are alive as before. */
function assertSameMemory(now: Memory, before: Memory, message: string): void {
	assert.is(now.buffers, before.buffers, `${message}: buffers alive`);
	assert.is(now.bytes, before.bytes, `${message}: bytes alive`);
}

/** Checks that a scope leaves nothing behind, once its first run has filled the caches. */
export async function checkMemory(step: (gpu: Gpu) => void): Promise<void> {
	const gpu = await device();
	const run = () => {
		step(gpu);
	};
	gpu.scope(run);
	const before = gpu.memory();
	gpu.scope(run);
	assertSameMemory(gpu.memory(), before, "after a scope");
}

/** Checks that a training step in a scope, backward included, leaves nothing behind. */
export async function checkStepMemory({ inputs, run }: Pick<OpCase, "inputs" | "run">): Promise<void> {
	const gpu = await device();
	const parameters = inputs.map((input) => parameterOf(gpu, input));
	await checkMemory(() => backward(sum(run(parameters, gpu))));
	for (const parameter of parameters) parameter.dispose();
}

/** Throws unless f throws the given kind of error, with each of the shapes and words in its message. */
export function assertThrows(
	f: () => unknown,
	kind: new (message: string) => Error,
	words: readonly (string | readonly number[])[] = [],
): void {
	let thrown: unknown;
	try {
		f();
	} catch (error) {
		thrown = error;
	}
	if (!(thrown instanceof Error)) throw new Error(`nothing was thrown, expected ${kind.name}`);
	const described = `${thrown.name} (${thrown.message})`;
	if (!(thrown instanceof kind)) throw new Error(`${described} was thrown, expected ${kind.name}`);
	const message = thrown.message.replaceAll(" ", "");
	for (const word of words) {
		const sought = typeof word === "string" ? word.replaceAll(" ", "") : `[${word.join(",")}]`;
		if (!message.includes(sought)) throw new Error(`no ${sought} in: ${thrown.message}`);
	}
}
