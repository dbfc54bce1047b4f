import { checkArray, checkNumber, checkOptions, formatValue, isPlainObject, wrongArgument } from "../base/arguments.js";
import { ArgumentError, CaptureError, StateDictError } from "../base/errors.js";
import { sizeOf } from "../base/shape.js";
import { join, layOut, wholeOf } from "../gpu/join.js";
import {
	type Constants,
	declarationsOf,
	type Kernel,
	packWords,
	type UniformValues,
	type Words,
} from "../gpu/kernel.js";
import type { Storage } from "../gpu/storage.js";
import { broadcastStrides } from "../ops/axes.js";
import { commonGpu } from "../ops/check.js";
import { strided } from "../ops/copy.js";
import { writeAt } from "../ops/write_at.js";
import { checkParameter, checkTensor } from "../tensor/check_tensor.js";
import { type AnyTensor, type Gpu, type Parameter, Tensor } from "../tensor/tensor.js";
import { type StateEntry, type StateValue, troubleWith } from "./module.js";
import { joinGradients } from "./together.js";

/** What every optimizer has. */
export interface OptimizerOptions {
	/** Learning rate. */
	readonly lr?: number;
	/** λ of weight decay (default 0, AdamW 0.01). */
	readonly weightDecay?: number;
}

/** Parameters with options of their own; those that are not given are those of the optimizer. */
export type ParameterOptions<Options extends OptimizerOptions> = Options & { readonly params: readonly Parameter[] };

/** How an optimizer updates parameters: what its kernel needs. @internal */
export interface Method<Options extends OptimizerOptions> {
	readonly kernel: Kernel;
	readonly defaults: Required<Options>;
	/**
	 * @param options those that are given, or all of them with the defaults
	 * @throws ArgumentError if one is out of range, or does not fit another one
	 */
	readonly check: (caller: string, options: Options) => void;
	/** The names of a parameter's moments in the state dict, in the kernel's order. */
	readonly moments: (options: Required<Options>) => readonly string[];
	/** @param apart whether all moments but the first are in the bindings of the second and third parameter */
	readonly constants: (options: Required<Options>, apart: boolean) => Constants;
	/** The kernel's settings of a step, counted from 1. */
	readonly settings: (options: Required<Options>, step: number) => UniformValues;
}

/** The parameters that have the same options. */
export class ParameterGroup<Options extends OptimizerOptions> {
	private rate: number;

	/** @internal */
	constructor(
		private readonly caller: string,
		readonly params: readonly Parameter[],
		/** The options as they were given; the learning rate may have changed since. */
		readonly options: Required<Options>,
	) {
		this.rate = options.lr as number;
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
		this.rate = checkNumber(this.caller, "lr", lr, { least: 0 });
	}

	/** The options with the learning rate of the next step. @internal */
	get current(): Required<Options> {
		return { ...this.options, lr: this.rate };
	}
}

/** @throws ArgumentError if one is out of range */
export function checkRates(caller: string, { lr, weightDecay }: OptimizerOptions): void {
	if (lr !== undefined) checkNumber(caller, "lr", lr, { least: 0 });
	if (weightDecay !== undefined) checkNumber(caller, "weightDecay", weightDecay, { least: 0 });
}

/** Parameters of one launch at most, if they are in buffers of their own; see kernels/adam.wgsl. */
const perLaunch = 3;

/** Bytes of parameters that are moved into one buffer, at most. */
const mostJoined = 2 ** 28;

/** A parameter that is optimised. */
interface Optimised<Options extends OptimizerOptions> {
	readonly parameter: Parameter;
	readonly group: ParameterGroup<Options>;
	/**
	 * What changes from step to step, for the kernel; see `Settings` in the kernel. Parameters of a group
	 * with equally many steps share the settings of the first of them.
	 */
	readonly settings: Tensor;
	/** The steps of this parameter: those in which it had a gradient. */
	steps: number;
}

/** Parameters of a group whose moments are in one buffer. */
interface Joined<Options extends OptimizerOptions> {
	readonly members: readonly Optimised<Options>[];
	/** With which of the elements each member starts, and how many there are. */
	readonly starts: readonly number[];
	readonly total: number;
	/** float32 [moments, total] of all elements; or [total], the first ones; [1] if there are none. */
	readonly moments: Tensor;
	/** float32 [total] each, the others of a parameter that is too large for one binding of all; else none. */
	readonly apart: readonly Tensor[];
}

/**
 * The base class of the optimizers. It moves the parameters into one buffer, so that a captured step updates
 * all parameters of a group in one launch. A parameter stays in its own if a view or an earlier captured
 * step has the same memory.
 */
export abstract class Optimizer<Options extends OptimizerOptions> {
	static readonly name: string = "Optimizer";

	/** The parameters and their options, as they were given. */
	readonly groups: readonly ParameterGroup<Options>[];
	private readonly optimised: readonly Optimised<Options>[];
	private readonly joined: readonly Joined<Options>[];
	/** Tensors of one element, for what a launch does not update. */
	private readonly unused: readonly Tensor[];
	private readonly gpu: Gpu;
	/** The kernel's settings, of one step. */
	private readonly settings: Words;

	/** @throws ArgumentError if there are no parameters or an option is out of range, DeviceMismatchError @internal */
	protected constructor(
		private readonly method: Method<Options>,
		parameters: readonly Parameter[] | readonly ParameterOptions<Options>[],
		options: Options,
	) {
		const { name } = this.constructor;
		this.groups = groupsOf(name, method, parameters, options);
		const all = this.groups.flatMap(({ params }) => params);
		const [first] = all;
		if (first === undefined) throw wrongArgument(name, "parameters", "an array of at least one parameter", parameters);
		const gpu = commonGpu(name, first, ...all);
		this.settings = declarationsOf(method.kernel).storageStruct as Words;
		const seen = new Set<Parameter>();
		this.optimised = this.groups.flatMap((group) =>
			group.params
				.filter((parameter) => !seen.has(parameter) && seen.add(parameter))
				.map((parameter) => ({
					parameter,
					group,
					settings: gpu.keep(gpu.empty([this.settings.fields.length])),
					steps: 0,
				})),
		);
		this.joined = this.groups.flatMap((group) =>
			joinMembers(
				gpu,
				this.optimised.filter((member) => member.group === group),
				method.moments(group.options).length,
			),
		);
		this.unused = Array.from({ length: perLaunch }, () => gpu.keep(gpu.tensor([0])));
		this.gpu = gpu;
	}

	/**
	 * The learning rate of the next steps: that of the first group. Setting it sets that of all groups.
	 *
	 * @throws ArgumentError when it is set, unless the value is a finite number of at least 0
	 */
	get lr(): number {
		return this.groups[0].lr;
	}

	set lr(lr: number) {
		for (const group of this.groups) group.lr = lr;
	}

	/**
	 * Updates every parameter that has a gradient. In a captured step the number of steps and the learning
	 * rate are computed before each replay.
	 *
	 * @throws CaptureError from a replay, if parameters had equally many steps when it was traced and no
	 * longer have
	 */
	step(): void {
		const { name } = this.constructor;
		const moved = this.optimised.filter(({ parameter }) => parameter.hasGrad);
		// Accessed before anything is launched: if one was disposed, no parameter is updated.
		for (const { parameter } of moved) {
			checkTensor(`${name}.step`, "a parameter", parameter);
			checkTensor(`${name}.step`, "a gradient", parameter.grad);
			if (parameter.grad.memoryOfPending() === parameter.memory())
				throw new ArgumentError(`${name}.step: the gradient of ${parameter} is its own memory: use gpu.clone().`);
		}
		// All of them before the first one is counted: counting changes the steps.
		const cohorts = this.groups.flatMap((group) => {
			const own = moved.filter((member) => member.group === group);
			return [...new Set(own.map(({ steps }) => steps))].map((count) => own.filter(({ steps }) => steps === count));
		});
		for (const cohort of cohorts) {
			const [{ settings }] = cohort;
			this.gpu.feed(settings, () => this.advance(cohort));
			const updated = new Set(cohort);
			for (const joined of this.joined) this.update(joined, updated, settings);
		}
	}

	/**
	 * Updates the members that are in a cohort: together if that is possible, or three at a time.
	 */
	private update(joined: Joined<Options>, cohort: ReadonlySet<Optimised<Options>>, settings: Tensor): void {
		const { members, starts, total } = joined;
		const together = members.every((member) => cohort.has(member)) ? wholeUpdate(members) : undefined;
		if (together !== undefined) {
			this.launch(joined, [together], [0, total, total, total], settings);
			return;
		}
		for (let first = 0; first < members.length; first += perLaunch) {
			const updates = members
				.slice(first, first + perLaunch)
				.map((member) => (cohort.has(member) ? updateOf(member) : undefined));
			const ends = [0, 1, 2, 3].map((i) => starts[first + i] ?? total);
			for (const each of separable(updates)) this.launch(joined, each, ends, settings);
		}
	}

	/**
	 * Launches the kernel.
	 *
	 * @param updates up to three, undefined for a parameter that is not updated
	 * @param starts with which of the joined elements each of the three starts, and where the last one ends
	 */
	private launch(
		{ members, moments, apart, total }: Joined<Options>,
		updates: readonly (Update | undefined)[],
		starts: readonly number[],
		settings: Tensor,
	): void {
		const [first, start1, start2, end] = starts;
		const weights = this.unused.map((tensor, i) => updates[i]?.weight ?? (apart[i - 1] ?? tensor).memory());
		const gradients = this.unused.map((_, i) => updates[i]?.gradient ?? settings.memory());
		const updated = updates.reduce((bits, update, i) => bits + (update === undefined ? 0 : 2 ** i), 0);
		if (updated === 0) return;
		this.gpu.launch(this.method.kernel, {
			constants: this.method.constants(members[0].group.options, apart.length > 0),
			bindings: [...weights, ...gradients, moments.memory(), settings.memory()],
			uniforms: { first, start1: start1 - first, start2: start2 - first, end: end - first, total, updated },
			workgroups: Math.ceil((end - first) / 64),
		});
	}

	/** Frees the gradients. `backward` adds to gradients that are there. */
	zeroGrad(): void {
		for (const { parameter } of this.optimised) parameter.zeroGrad();
	}

	/**
	 * The number of steps and the moments of each parameter, by the parameters' positions and PyTorch's names:
	 * `state.0.step`, `state.0.exp_avg`, … They are copies, which the caller disposes of or a scope frees. The
	 * options are not in it: give them to the constructor again.
	 *
	 * @example
	 * const bytes = await saveSafetensors(optimizer.stateDict());
	 * optimizer.loadStateDict(loadSafetensors(bytes));
	 */
	stateDict(): Record<string, Tensor> {
		const { gpu } = this;
		const state: Record<string, Tensor> = {};
		for (const [i, { parameter, steps }] of this.optimised.entries()) {
			if (steps === 0) continue;
			const count = gpu.tensor(steps);
			stepsOf.set(count, steps);
			state[`state.${i}.step`] = count;
			const strides = broadcastStrides(parameter.shape, parameter.shape);
			for (const { name, tensor, start } of this.momentsOf(i))
				state[`state.${i}.${name}`] = strided("stateDict", tensor, parameter.shape, strides, start);
		}
		return state;
	}

	/**
	 * Continues from a state dict of an optimizer with the same parameters in the same order. If it does not
	 * fit, nothing is changed.
	 *
	 * @throws StateDictError with the names that are missing or unexpected and the shapes that differ
	 */
	loadStateDict(dict: Readonly<Record<string, StateValue>>): void {
		const caller = `${this.constructor.name}.loadStateDict`;
		if (!isPlainObject(dict)) throw wrongArgument(caller, "dict", "an object of tensors by name", dict);
		const known = new Map<string, StateEntry>();
		for (const [i, { parameter }] of this.optimised.entries()) {
			if (!Object.keys(dict).some((name) => name.startsWith(`state.${i}.`))) continue;
			known.set(`state.${i}.step`, { gpu: this.gpu, dtype: "float32", shape: [], size: 1 });
			for (const { name } of this.momentsOf(i)) known.set(`state.${i}.${name}`, parameter);
		}
		const problems = [
			...[...known.keys()].filter((name) => !Object.hasOwn(dict, name)).map((name) => `missing: ${name}`),
			...Object.entries(dict).flatMap(([name, value]) => {
				const entry = known.get(name);
				if (entry === undefined) return [`unexpected: ${name}`];
				const trouble = troubleWith(value, entry) ?? (name.endsWith(".step") ? troubleWithSteps(value) : undefined);
				return trouble === undefined ? [] : [`${name} ${trouble}`];
			}),
		];
		if (problems.length > 0)
			throw new StateDictError(`${caller}: the state dict does not fit. ${problems.join("; ")}.`);
		for (const [i, member] of this.optimised.entries()) {
			const steps = dict[`state.${i}.step`];
			member.steps = steps instanceof Tensor ? (stepsOf.get(steps) ?? 0) : (steps?.data[0] ?? 0);
			for (const { name, tensor, start } of this.momentsOf(i)) {
				const value = dict[`state.${i}.${name}`];
				this.gpu.scope(() => {
					const { size, shape } = member.parameter;
					const source =
						value instanceof Tensor
							? (value as Tensor)
							: this.gpu.tensor(value === undefined ? new Float32Array(size) : Float32Array.from(value.data), shape);
					writeAt(source, tensor, start);
				});
			}
		}
	}

	/** The moments of a parameter: the tensor that has them, and with which element they start. */
	private momentsOf(i: number): { readonly name: string; readonly tensor: Tensor; readonly start: number }[] {
		const member = this.optimised[i];
		const joined = this.joined.find(({ members }) => members.includes(member)) as Joined<Options>;
		const start = joined.starts[joined.members.indexOf(member)];
		return this.method.moments(member.group.options).map((name, row) => {
			const apart = joined.apart[row - 1];
			return { name, tensor: apart ?? joined.moments, start: apart ? start : row * joined.total + start };
		});
	}

	/** Frees the moments, not the parameters. */
	dispose(): void {
		const { name } = this.constructor;
		for (const { settings } of this.optimised) {
			settings.disposalAdvice = `It belongs to an ${name} that was disposed of: capture the step again with another one.`;
			settings.dispose();
		}
		for (const { moments, apart } of this.joined) for (const tensor of [moments, ...apart]) tensor.dispose();
		for (const tensor of this.unused) tensor.dispose();
	}

	/** Counts a step of parameters with equally many steps, and returns the kernel's settings for it. */
	private advance(cohort: readonly Optimised<Options>[]): Float32Array {
		const [{ group, steps: before }] = cohort;
		const steps = before + 1;
		if (cohort.some((optimised) => optimised.steps + 1 !== steps))
			throw new CaptureError(
				`${this.constructor.name}: parameters that the captured step moves together were moved apart since. Capture the step again.`,
			);
		for (const optimised of cohort) optimised.steps = steps;
		packWords(this.method.kernel, this.settings, this.method.settings(group.current, steps));
		return this.settings.floats;
	}
}

/** What the tensors `step` of state dicts hold, so that another optimizer takes them without a read. */
const stepsOf = new WeakMap<AnyTensor, number>();

/** Why a value is no number of steps, in words that follow its name; undefined if it is one. */
function troubleWithSteps(value: StateValue): string | undefined {
	if (value instanceof Tensor)
		return stepsOf.has(value)
			? undefined
			: "is a tensor of another origin: read it, and give { shape: [], data: [steps] }";
	const [steps] = Array.from(value.data);
	if (Number.isInteger(steps) && steps >= 0) return undefined;
	return `is ${formatValue(steps)} instead of a whole number of at least 0`;
}

/** The groups of parameters, checked. @throws ArgumentError */
function groupsOf<Options extends OptimizerOptions>(
	caller: string,
	method: Method<Options>,
	parameters: readonly Parameter[] | readonly ParameterOptions<Options>[],
	options: Options,
): ParameterGroup<Options>[] {
	const wanted = "an array of parameters";
	const hint = `write new ${caller}(model.parameters()) or new ${caller}([parameter])`;
	checkArray(caller, "parameters", parameters, wanted, hint);
	const known = Object.keys(method.defaults);
	checkOptions(caller, options, known);
	method.check(caller, options);
	const common = { ...method.defaults, ...withoutUndefined(options) };
	const entries: readonly unknown[] = parameters;
	if (!entries.some((entry) => isPlainObject(entry) && "params" in entry)) {
		for (const [i, parameter] of entries.entries()) checkParameter(caller, `parameters[${i}]`, parameter);
		method.check(caller, common);
		return [new ParameterGroup<Options>(caller, parameters as readonly Parameter[], common)];
	}
	const groupOf = new Map<Parameter, number>();
	return (parameters as readonly ParameterOptions<Options>[]).map((entry, i) => {
		const name = `parameters[${i}]`;
		checkOptions(`${caller}: ${name}`, entry, ["params", ...known]);
		const { params, ...own } = entry;
		checkArray(caller, `${name}.params`, params, wanted);
		for (const [j, parameter] of params.entries()) {
			checkParameter(caller, `${name}.params[${j}]`, parameter);
			const other = groupOf.get(parameter) ?? i;
			if (other !== i)
				throw new ArgumentError(
					`${caller}: ${name}.params[${j}] is in parameters[${other}] as well: a parameter is in one group.`,
				);
			groupOf.set(parameter, i);
		}
		const all = { ...common, ...withoutUndefined(own as unknown as Options) };
		method.check(`${caller}: ${name}`, own as unknown as Options);
		method.check(`${caller}: ${name}`, all);
		return new ParameterGroup<Options>(caller, params, all);
	});
}

/** The options that are given. */
function withoutUndefined<Options extends object>(options: Options): Options {
	return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

/** What a launch updates: a parameter, or several in one buffer. */
interface Update {
	readonly weight: Storage;
	readonly gradient: Storage;
}

type Member = Pick<Optimised<OptimizerOptions>, "parameter">;

function updateOf({ parameter }: Member): Update {
	return { weight: parameter.memory(), gradient: parameter.grad.memory() };
}

/**
 * All members and their gradients as one: in a captured step, if each of the two are in one buffer. Gradients
 * that are pending are computed in one launch.
 */
function wholeUpdate(members: readonly Member[]): Update | undefined {
	const { gpu } = members[0].parameter;
	if (gpu.trace === undefined) return undefined;
	const weight = wholeOf(members.map(({ parameter }) => parameter.memory()));
	if (weight === undefined) return undefined;
	const gradient = joinGradients(members.map(({ parameter }) => parameter));
	if (gradient === undefined) return undefined;
	return { weight, gradient };
}

/**
 * Parameters whose moments fit into one binding, those that are trained now and the others. Their memory is
 * joined if it can be.
 *
 * @param count of the moments of a parameter
 */
function joinMembers<Options extends OptimizerOptions>(
	gpu: Gpu,
	optimised: readonly Optimised<Options>[],
	count: number,
): Joined<Options>[] {
	const most = gpu.bindableBytes / Math.max(1, count);
	const isTrained = ({ parameter }: Member) => Number(parameter.requiresGrad);
	const parts: Optimised<Options>[][] = [];
	for (const member of optimised.toSorted((a, b) => isTrained(b) - isTrained(a))) {
		const last = parts.at(-1) ?? [];
		const fits = last.length > 0 && isTrained(last[0]) === isTrained(member);
		if (fits && layOutMembers([...last, member]).end <= Math.min(most, mostJoined)) last.push(member);
		else parts.push([member]);
	}
	const zeros = (shape: number[]) => gpu.keep(gpu.tensor(new Float32Array(sizeOf(shape)), shape));
	return parts.map((members) => {
		const { offsets, end } = layOutMembers(members);
		const total = end / 4;
		join(
			gpu,
			members.map(({ parameter }) => parameter.memory()),
		);
		const isApart = count > 1 && end > most;
		return {
			members,
			starts: offsets.map((bytes) => bytes / 4),
			total,
			moments: zeros(count === 0 ? [1] : isApart ? [total] : [count, total]),
			apart: Array.from({ length: isApart ? count - 1 : 0 }, () => zeros([total])),
		};
	});
}

function layOutMembers(members: readonly Member[]): ReturnType<typeof layOut> {
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
