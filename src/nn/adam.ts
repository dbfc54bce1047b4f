import adamKernel from "../../kernels/adam.wgsl";
import { checkArray, checkNumber, checkNumbers, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, CaptureError } from "../base/errors.js";
import { sizeOf } from "../base/shape.js";
import { declarationsOf, packWords, type Words } from "../gpu/kernel.js";
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

/** Parameters of one launch at most; see kernels/adam.wgsl. */
const perLaunch = 3;

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

/** Parameters that one launch can update together. */
interface Group {
	readonly members: readonly Optimised[];
	/**
	 * float32 [2, elements], both moments of the members one after the other; or [elements], the first
	 * ones.
	 */
	readonly moments: Tensor;
	/** float32 [elements], the second moments of a parameter that is too large for one binding of both. */
	readonly second: Tensor | undefined;
}

/**
 * Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015), with the defaults and the
 * arithmetic of torch.optim.Adam.
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
	/** Tensors of one element, for the parameters of a launch that it does not update. */
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
			if (parameter.grad.memory() === parameter.memory())
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
			for (const group of this.groups)
				for (const members of separable(group.members.filter((member) => updated.has(member))))
					launch(group, members, this.unused, settings);
		}
	}

	/** Frees the gradients. `backward` adds to gradients that are there. */
	zeroGrad(): void {
		for (const { parameter } of this.optimised) parameter.zeroGrad();
	}

	/** Frees the moments, not the parameters. */
	dispose(): void {
		for (const { settings } of this.optimised) settings.dispose();
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

/** Groups of parameters next to each other, whose moments fit into one binding. */
function groupsOf(gpu: Gpu, optimised: readonly Optimised[]): Group[] {
	const most = Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize) / 8;
	const parts: { members: Optimised[]; elements: number }[] = [];
	for (const member of optimised) {
		const { size } = member.parameter;
		const last = parts.at(-1);
		if (last === undefined || last.members.length === perLaunch || last.elements + size > most)
			parts.push({ members: [member], elements: size });
		else {
			last.members.push(member);
			last.elements += size;
		}
	}
	const zeros = (shape: number[]) => gpu.keep(gpu.tensor(new Float32Array(sizeOf(shape)), shape));
	return parts.map(({ members, elements }) => ({
		members,
		moments: zeros(elements > most ? [elements] : [2, elements]),
		second: elements > most ? zeros([elements]) : undefined,
	}));
}

/**
 * The members in one launch, or each in its own if a gradient is the memory of a parameter: a launch cannot
 * read what it writes.
 */
function separable(members: readonly Optimised[]): readonly (readonly Optimised[])[] {
	const written = members.map(({ parameter }) => parameter.memory());
	if (members.some(({ parameter }) => written.includes(parameter.grad.memory())))
		return members.map((member) => [member]);
	return members.length > 0 ? [members] : [];
}

/** Launches kernels/adam.wgsl for some members of a group. */
function launch(
	{ members, moments, second }: Group,
	updated: readonly Optimised[],
	unused: readonly Tensor[],
	settings: Tensor,
): void {
	const [n0 = 0, n1 = 0, n2 = 0] = members.map(({ parameter }) => parameter.size);
	const slots = unused.map((tensor, i) => {
		const member = members[i];
		return member !== undefined && updated.includes(member)
			? { weight: member.parameter, gradient: member.parameter.grad, bit: 2 ** i }
			: { weight: i === 1 && second ? second : tensor, gradient: settings, bit: 0 };
	});
	const bindings = [...slots.map(({ weight }) => weight), ...slots.map(({ gradient }) => gradient), moments, settings];
	moments.gpu.launch(adamKernel, {
		constants: { SECOND_IN_W1: second ? 1 : 0 },
		bindings: bindings.map((tensor) => tensor.memory()),
		uniforms: {
			start1: n0,
			start2: n0 + n1,
			end: n0 + n1 + n2,
			updated: slots.reduce((sum, { bit }) => sum + bit, 0),
		},
		workgroups: Math.ceil((n0 + n1 + n2) / 64),
	});
}
