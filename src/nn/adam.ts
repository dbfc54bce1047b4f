import adamKernel from "../../kernels/adam.wgsl";
import { checkArray, checkNumber, checkNumbers, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, CaptureError } from "../base/errors.js";
import { sizeOf } from "../base/shape.js";
import { join, layOut, wholeOf } from "../gpu/join.js";
import { declarationsOf, packWords, type Words } from "../gpu/kernel.js";
import type { Storage } from "../gpu/storage.js";
import { commonGpu } from "../ops/check.js";
import { checkParameter, checkTensor } from "../tensor/check_tensor.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";

export interface AdamOptions {
	/** Learning rate (default 1e-3). */
	readonly lr?: number;
	/** β₁ and β₂, the decay rates of the two moments (default [0.9, 0.999]). */
	readonly betas?: readonly [number, number];
	/** ε, added to the denominator (default 1e-8). */
	readonly eps?: number;
}

/** The names of the options. */
export const adamOptions = ["lr", "betas", "eps"] as const satisfies readonly (keyof AdamOptions)[];

/** @throws ArgumentError if one is out of range */
export function checkAdamOptions(caller: string, { lr, betas, eps }: AdamOptions): void {
	if (lr !== undefined) checkNumber(caller, "lr", lr, { least: 0 });
	if (betas !== undefined && checkNumbers(caller, "betas", betas, { least: 0, below: 1 }).length !== 2)
		throw wrongArgument(caller, "betas", "two numbers: [beta1, beta2]", betas);
	if (eps !== undefined) checkNumber(caller, "eps", eps, { above: 0 });
}

/** Parameters of one launch at most, if they are in buffers of their own; see kernels/adam.wgsl. */
const perLaunch = 3;

/** Bytes of parameters that are moved into one buffer, at most. */
const mostJoined = 2 ** 28;

/** A parameter that is optimised. */
interface Optimised {
	readonly parameter: Parameter;
	/**
	 * What changes from step to step, for the kernel; see `Settings` in kernels/adam.wgsl. Parameters with
	 * equally many steps share the settings of the first of them.
	 */
	readonly settings: Tensor;
	/** The steps of this parameter: those in which it had a gradient. */
	steps: number;
}

/** Parameters whose moments are in one buffer. */
interface Group {
	readonly members: readonly Optimised[];
	/** With which of the group's elements each member starts, and how many there are. */
	readonly starts: readonly number[];
	readonly total: number;
	/** float32 [2, total], both moments of all elements; or [total], the first ones. */
	readonly moments: Tensor;
	/** float32 [total], the second moments of a parameter that is too large for one binding of both. */
	readonly second: Tensor | undefined;
}

/**
 * Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015), with the defaults and the
 * arithmetic of torch.optim.Adam.
 *
 * It moves the parameters into one buffer, so that a captured step updates all of them in one launch. A
 * parameter stays in its own if a view or an earlier captured step has the same memory.
 *
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * gpu.scope(() => {
 * 	const loss = mseLoss(model.forward(x), target);
 * 	optimizer.zeroGrad();
 * 	backward(loss);
 * 	optimizer.step();
 * });
 */
export class Adam {
	static readonly name: string = "Adam";

	private rate = 0;
	private readonly betas: readonly [number, number];
	private readonly eps: number;
	private readonly optimised: readonly Optimised[];
	private readonly groups: readonly Group[];
	/** Tensors of one element, for what a launch does not update. */
	private readonly unused: readonly Tensor[];
	private readonly gpu: Gpu;
	/** The kernel's settings, of one step. */
	private readonly settings = declarationsOf(adamKernel).storageStruct as Words;

	/** @throws ArgumentError if there are no parameters or an option is out of range, DeviceMismatchError */
	constructor(parameters: readonly Parameter[], options: AdamOptions = {}) {
		const wanted = "an array of parameters";
		checkArray("Adam", "parameters", parameters, wanted, "write new Adam(model.parameters()) or new Adam([parameter])");
		for (const [i, parameter] of parameters.entries()) checkParameter("Adam", `parameters[${i}]`, parameter);
		const [first] = parameters;
		if (first === undefined)
			throw wrongArgument("Adam", "parameters", "an array of at least one parameter", parameters);
		checkOptions("Adam", options, adamOptions);
		checkAdamOptions("Adam", options);
		const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8 } = options;
		this.lr = lr;
		this.betas = betas;
		this.eps = eps;
		const gpu = commonGpu("Adam", first, ...parameters);
		this.optimised = [...new Set(parameters)].map((parameter) => ({
			parameter,
			settings: gpu.keep(gpu.empty([this.settings.fields.length])),
			steps: 0,
		}));
		this.groups = groupsOf(gpu, this.optimised);
		this.unused = Array.from({ length: perLaunch }, () => gpu.keep(gpu.tensor([0])));
		this.gpu = gpu;
	}

	/**
	 * The learning rate of the next steps.
	 *
	 * @throws ArgumentError when it is set, unless the value is a finite number of at least 0
	 */
	get lr(): number {
		return this.rate;
	}

	set lr(lr: number) {
		this.rate = checkNumber("Adam", "lr", lr, { least: 0 });
	}

	/**
	 * Updates every parameter that has a gradient. In a captured step the number of steps and the learning
	 * rate are computed before each replay.
	 *
	 * @throws CaptureError from a replay, if parameters had equally many steps when it was traced and no
	 * longer have
	 */
	step(): void {
		const moved = this.optimised.filter(({ parameter }) => parameter.hasGrad);
		// Accessed before anything is launched: if one was disposed, no parameter is updated.
		for (const { parameter } of moved) {
			checkTensor("Adam.step", "a parameter", parameter);
			checkTensor("Adam.step", "a gradient", parameter.grad);
			if (parameter.grad.memoryOfPending() === parameter.memory())
				throw new ArgumentError(`Adam.step: the gradient of ${parameter} is its own memory: use gpu.clone().`);
		}
		// All of them before the first one is counted: counting changes the steps.
		const cohorts = [...new Set(moved.map(({ steps }) => steps))].map((count) =>
			moved.filter(({ steps }) => steps === count),
		);
		for (const cohort of cohorts) {
			const [{ settings }] = cohort as [Optimised];
			this.gpu.feed(settings, () => this.advance(cohort));
			const updated = new Set(cohort);
			for (const group of this.groups) this.update(group, updated, settings);
		}
	}

	/**
	 * Updates the members of a group that are in a cohort: together if that is possible, or three at a
	 * time.
	 */
	private update(group: Group, cohort: ReadonlySet<Optimised>, settings: Tensor): void {
		const { members, starts, total } = group;
		const together = members.every((member) => cohort.has(member)) ? joined(members) : undefined;
		if (together !== undefined) {
			this.launch(group, [together], [0, total, total, total], settings);
			return;
		}
		for (let first = 0; first < members.length; first += perLaunch) {
			const updates = members
				.slice(first, first + perLaunch)
				.map((member) => (cohort.has(member) ? updateOf(member) : undefined));
			const ends = [0, 1, 2, 3].map((i) => starts[first + i] ?? total);
			for (const each of separable(updates)) this.launch(group, each, ends, settings);
		}
	}

	/**
	 * Launches kernels/adam.wgsl.
	 *
	 * @param updates up to three, undefined for a parameter that is not updated
	 * @param starts with which of the group's elements each of the three starts, and where the last one ends
	 */
	private launch(
		{ moments, second, total }: Group,
		updates: readonly (Update | undefined)[],
		starts: readonly number[],
		settings: Tensor,
	): void {
		const [first, start1, start2, end] = starts;
		const weights = this.unused.map(
			(tensor, i) => updates[i]?.weight ?? (i === 1 && second ? second : tensor).memory(),
		);
		const gradients = this.unused.map((_, i) => updates[i]?.gradient ?? settings.memory());
		const updated = updates.reduce((bits, update, i) => bits + (update === undefined ? 0 : 2 ** i), 0);
		if (updated === 0) return;
		this.gpu.launch(adamKernel, {
			constants: { SECOND_IN_W1: second ? 1 : 0 },
			bindings: [...weights, ...gradients, moments.memory(), settings.memory()],
			uniforms: { first, start1: start1 - first, start2: start2 - first, end: end - first, total, updated },
			workgroups: Math.ceil((end - first) / 64),
		});
	}

	/** Frees the gradients. `backward` adds to gradients that are there. */
	zeroGrad(): void {
		for (const { parameter } of this.optimised) parameter.zeroGrad();
	}

	/** Frees the moments, not the parameters. */
	dispose(): void {
		for (const { settings } of this.optimised) {
			settings.disposalAdvice = "It belongs to an Adam that was disposed of: capture the step again with another one.";
			settings.dispose();
		}
		for (const { moments, second } of this.groups) {
			moments.dispose();
			second?.dispose();
		}
		for (const tensor of this.unused) tensor.dispose();
	}

	/** Counts a step of parameters with equally many steps, and returns the kernel's settings for it. */
	private advance(cohort: readonly Optimised[]): Float32Array {
		const steps = (cohort[0]?.steps ?? 0) + 1;
		if (cohort.some((optimised) => optimised.steps + 1 !== steps))
			throw new CaptureError(
				"Adam: parameters that the captured step moves together were moved apart since. Capture the step again.",
			);
		for (const optimised of cohort) optimised.steps = steps;
		const [beta1, beta2] = this.betas;
		packWords(adamKernel, this.settings, {
			beta1,
			complement1: 1 - beta1,
			beta2,
			complement2: 1 - beta2,
			epsilon: this.eps,
			stepSize: this.rate / (1 - beta1 ** steps),
			rootCorrection: 1 / Math.sqrt(1 - beta2 ** steps),
		});
		return this.settings.floats;
	}
}

/** What a launch updates: a parameter, or several in one buffer. */
interface Update {
	readonly weight: Storage;
	readonly gradient: Storage;
}

function updateOf({ parameter }: Optimised): Update {
	return { weight: parameter.memory(), gradient: parameter.grad.memory() };
}

/**
 * All parameters of a group and their gradients as one: in a captured step, if each of the two are in one
 * buffer. Gradients that are pending are computed in one launch.
 */
function joined(members: readonly Optimised[]): Update | undefined {
	const { gpu } = members[0].parameter;
	if (gpu.trace === undefined) return undefined;
	const weight = wholeOf(members.map(({ parameter }) => parameter.memory()));
	if (weight === undefined) return undefined;
	const gradients = members.map(({ parameter }) => parameter.grad);
	const gradient = join(
		gpu,
		gradients.map((tensor) => tensor.memoryOfPending()),
	);
	if (gradient === undefined) return undefined;
	const pending = [...new Set(gradients.flatMap((tensor) => tensor.pending ?? []))];
	pending[0]?.complete(pending);
	return { weight, gradient };
}

/**
 * Groups of parameters whose moments fit into one binding, those that are trained now and the others. Their
 * memory is joined if it can be.
 */
function groupsOf(gpu: Gpu, optimised: readonly Optimised[]): Group[] {
	const most = gpu.bindableBytes / 2;
	const isTrained = ({ parameter }: Optimised) => Number(parameter.requiresGrad);
	const groups: Optimised[][] = [];
	for (const member of optimised.toSorted((a, b) => isTrained(b) - isTrained(a))) {
		const last = groups.at(-1) ?? [];
		const fits = last.length > 0 && isTrained(last[0]) === isTrained(member);
		if (fits && layOutMembers([...last, member]).end <= Math.min(most, mostJoined)) last.push(member);
		else groups.push([member]);
	}
	const zeros = (shape: number[]) => gpu.keep(gpu.tensor(new Float32Array(sizeOf(shape)), shape));
	return groups.map((members) => {
		const { offsets, end } = layOutMembers(members);
		const total = end / 4;
		join(
			gpu,
			members.map(({ parameter }) => parameter.memory()),
		);
		return {
			members,
			starts: offsets.map((bytes) => bytes / 4),
			total,
			moments: zeros(end > most ? [total] : [2, total]),
			second: end > most ? zeros([total]) : undefined,
		};
	});
}

function layOutMembers(members: readonly Optimised[]): ReturnType<typeof layOut> {
	return layOut(members.map(({ parameter }) => 4 * parameter.size));
}

/**
 * The updates in one launch, or each in its own if a gradient is the memory of a parameter: a launch cannot
 * read what it writes.
 */
function separable(updates: readonly (Update | undefined)[]): readonly (readonly (Update | undefined)[])[] {
	const written = updates.map((update) => update?.weight);
	if (!updates.some((update) => update !== undefined && written.includes(update.gradient))) return [updates];
	return updates.map((one, i) => updates.map((_, j) => (i === j ? one : undefined)));
}
