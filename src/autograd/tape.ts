import { checkFunction } from "../base/arguments.js";
import { ArgumentError, DeviceMismatchError, DisposedError, GradientError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { type AnyTensor, type GradientNode, Parameter, type Tensor } from "../tensor/tensor.js";

let recording = true;

/**
 * Runs `body` without recording its operations, as torch.no_grad: what it computes has no gradient.
 *
 * @throws ArgumentError if `body` returns a promise: what runs after an await would be recorded
 * @example
 * const reconstruction = gpu.scope(() => noGrad(() => model.forward(x)));
 */
export function noGrad<T>(body: () => T): T {
	checkFunction("noGrad", "body", body);
	const before = recording;
	recording = false;
	try {
		const result = body();
		if (result instanceof Promise) {
			result.catch(() => undefined);
			throw new ArgumentError("noGrad: body must not be async: await reads after it.");
		}
		return result;
	} finally {
		recording = before;
	}
}

/**
 * Records the backward pass of an operation, from `output` to `inputs`; each operation calls it once. Nothing is recorded if no
 * input requires a gradient. `backward` need not compute the gradients of inputs whose `requiresGrad` is false.
 *
 * @param reads the tensors whose elements `backward` reads: one that is overwritten before makes it throw
 * @param endsInRelu whether the output is max(·, 0) of what the operation computes before
 * @internal
 */
export function record(
	operation: string,
	output: Tensor,
	inputs: readonly Tensor[],
	reads: readonly AnyTensor[],
	backward: GradientNode["backward"],
	endsInRelu = false,
): Tensor {
	if (recording && inputs.some((input) => input.requiresGrad)) {
		output.requiresGrad = true;
		output.gradientNode = {
			operation,
			inputs,
			backward,
			...(endsInRelu && { relu: { masked: null } }),
			reads: reads.map((tensor) => ({ tensor, version: tensor.version })),
		};
	}
	return output;
}

/** The tensors that the backward pass of a product a · b reads: the gradient of each factor needs the other one. @internal */
export function readsOfProduct(a: Tensor, b: Tensor): Tensor[] {
	return [...(a.requiresGrad ? [b] : []), ...(b.requiresGrad ? [a] : [])];
}

/**
 * A tensor with the same elements through which no gradient flows, as torch.Tensor.detach. It shares the memory of x.
 *
 * @param x float32, any shape
 */
export function stopGradient(x: Tensor): Tensor {
	checkTensor("stopGradient", "x", x);
	return x.share();
}

/** Tensors reachable from `loss` through recorded operations, each after all that depend on it. */
function backwardOrder(loss: Tensor): Tensor[] {
	const order: Tensor[] = [];
	const visited = new Set<Tensor>();
	const stack: { tensor: Tensor; next: number }[] = [{ tensor: loss, next: 0 }];
	visited.add(loss);
	while (stack.length > 0) {
		const top = stack[stack.length - 1] as { tensor: Tensor; next: number };
		const inputs = top.tensor.gradientNode?.inputs ?? [];
		const input = inputs[top.next++];
		if (input === undefined) {
			order.push(top.tensor);
			stack.pop();
		} else if (input.requiresGrad && !visited.has(input)) {
			visited.add(input);
			stack.push({ tensor: input, next: 0 });
		}
	}
	return order.reverse();
}

/**
 * Adds the gradient of `loss` to the `grad` of every parameter that it depends on (reverse-mode differentiation over
 * the recorded operations). If it throws, no gradient has changed.
 *
 * @param sum adds two gradients; the public `backward` passes the kernel
 * @throws GradientError if the loss has more than one element, depends on no parameter, or an operation returned a gradient of
 * another shape than its input's
 * @internal
 */
export function runBackward(loss: Tensor, sum: (a: Tensor, b: Tensor) => Tensor): void {
	const { gpu } = loss;
	if (loss.size !== 1)
		throw new GradientError(`backward: loss must have one element, but has shape ${formatShape(loss.shape)}.`);
	if (!loss.requiresGrad)
		throw new GradientError("backward: loss depends on no parameter, or was computed inside noGrad().");

	gpu.countStep();
	gpu.scope(() =>
		noGrad(() => {
			const gradients = new Map<Tensor, Tensor>([[loss, gpu.constant(1, loss.shape)]]);
			const updates: [Parameter, Tensor][] = [];
			for (const tensor of backwardOrder(loss)) {
				const gradient = gradients.get(tensor);
				if (gradient === undefined) continue;
				gradients.delete(tensor);
				if (tensor.isDisposed)
					throw new DisposedError(
						`backward: the backward pass needs a tensor of shape ${formatShape(tensor.shape)}, but it was disposed of. Call backward() inside the scope that computes the loss.`,
					);
				if (tensor instanceof Parameter) {
					updates.push([tensor, tensor.hasGrad ? sum(tensor.grad, gradient) : gradient]);
					continue;
				}
				const node = tensor.gradientNode;
				if (node === null)
					throw new GradientError(
						`backward: a tensor of shape ${formatShape(tensor.shape)} has requiresGrad, but is no parameter and no operation made it: make it with gpu.parameter().`,
					);
				checkVersions(node);
				const take = (i: number) => {
					const sofar = gradients.get(node.inputs[i]);
					gradients.delete(node.inputs[i]);
					return sofar;
				};
				for (const [i, contribution] of node.backward(gradient, take).entries()) {
					const input = node.inputs[i] as Tensor;
					if (contribution === null) continue;
					checkGradient(node.operation, input, contribution);
					const sofar = gradients.get(input);
					gradients.set(input, sofar === undefined ? contribution : sum(sofar, contribution));
					if (sofar !== undefined) for (const part of [sofar, contribution]) part.dispose();
				}
				gradient.dispose();
			}
			for (const [parameter, gradient] of updates)
				parameter.setGrad(gradient.memoryOfPending().isShared ? gpu.clone(gradient) : gradient);
		}),
	);
}

/** @throws GradientError if the backward pass would read other numbers than the forward pass did. */
function checkVersions({ operation, reads }: GradientNode): void {
	for (const { tensor, version } of reads) {
		if (tensor.version === version) continue;
		if (tensor.isDisposed) throw new DisposedError(`backward: ${operation} needs ${tensor}. ${tensor.disposalAdvice}`);
		throw new GradientError(
			`backward: ${operation} needs a tensor as it was in the forward pass, but ${tensor} was overwritten since then (by an optimizer's step, gpu.upload, gpu.copy or a replay). Call backward() before that, or compute the loss again.`,
		);
	}
}

function checkGradient(operation: string, input: Tensor, gradient: Tensor): void {
	if (!sameShape(input.shape, gradient.shape))
		throw new GradientError(
			`${operation} returned a gradient of shape ${formatShape(gradient.shape)} for an input of shape ${formatShape(input.shape)}.`,
		);
	if (input.gpu !== gradient.gpu) throw new DeviceMismatchError(`${operation} returned a gradient on another device.`);
}
