import {
	ArgumentError,
	add,
	backward,
	conv2d,
	defineOperation,
	GradientError,
	gradCheck,
	kernel,
	mul,
	ShaderError,
	sigmoid,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { map } from "../reference/array.js";
import { unary, unaryBackward } from "../reference/unary.js";
import { assertSame, assertThrows, checkOp, checkStepMemory, device, randomArray, variants } from "../support.js";

const test = suite("operations of one's own");

const swishKernel = kernel(
	"swish",
	`struct Settings { beta: f32 }
	override BACKWARD: u32;
	@group(0) @binding(0) var<storage, read> x: array<f32>;
	@group(0) @binding(1) var<storage, read> dy: array<f32>;
	@group(0) @binding(2) var<storage, read_write> out: array<f32>;
	@group(0) @binding(3) var<uniform> settings: Settings;
	@compute @workgroup_size(64)
	fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
		let i = id.y * groups.x * 64u + id.x;
		if (i >= arrayLength(&out)) { return; }
		let s = 1.0 / (1.0 + exp(-settings.beta * x[i]));
		if (BACKWARD == 0u) { out[i] = x[i] * s; } else { out[i] = dy[i] * (s + settings.beta * x[i] * s * (1.0 - s)); }
	}`,
);

function launchSwish(x: Tensor, dy: Tensor, beta: number, backward: boolean): Tensor {
	const out = x.gpu.empty(x.shape);
	x.gpu.launch(swishKernel, {
		constants: { BACKWARD: backward ? 1 : 0 },
		bindings: [x.memory(), dy.memory(), out.memory()],
		uniforms: { beta },
		workgroups: Math.ceil(x.size / 64),
	});
	return out;
}

const swish = defineOperation({
	name: "swish",
	forward: (x: Tensor, beta: number) => launchSwish(x, x, beta, false),
	backward: (gradient, _, x, beta) => [launchSwish(x, gradient, beta, true)],
});

test("values and gradients of a kernel of one's own, on each variant", async () => {
	for (const shape of [[67], [1], [3, 5, 7]]) {
		const x = randomArray(new Random(1), shape, -3, 3);
		const scaled = map(x, (value) => 2 * value);
		await checkOp("swish", {
			inputs: [x],
			run: ([x]) => swish(x, 2),
			expected: map(unary("silu", scaled), (value) => value / 2),
			gradients: (dy) => [unaryBackward("silu", scaled, dy)],
		});
	}
	await checkStepMemory({ inputs: [randomArray(new Random(2), [9])], run: ([x]) => swish(x, 1) });
});

test("a tensor in the blocked layout, and a captured step", async () => {
	const random = new Random(3);
	const [x, weight] = [randomArray(random, [17, 2, 3, 3]), randomArray(random, [2, 2, 1, 1])];
	for (const gpu of await variants()) {
		const parameters = [x, weight].map(({ data, shape }) => gpu.parameter(Float32Array.from(data), shape));
		const [a, b] = parameters as Tensor[] as [Tensor, Tensor];
		const step = () => {
			const loss = sum(conv2d(swish(conv2d(a, b), 1), b));
			for (const parameter of parameters) parameter.zeroGrad();
			backward(loss);
			return loss;
		};
		const eager = gpu.scope(step);
		const gradient = await parameters[0]?.grad.data();
		const captured = gpu.capture(step);
		captured.replay();
		assertSame(await captured.result.data(), await eager.data(), "loss");
		assertSame((await parameters[0]?.grad.data()) ?? [], gradient ?? [], "gradient");
		captured.dispose();
		for (const tensor of [eager, ...parameters]) tensor.dispose();
	}
});

test("an operation of others, with several tensors of which one has no gradient", async () => {
	const gpu = await device();
	const gated = defineOperation({
		name: "gated",
		forward: (x: Tensor, _: Tensor<"uint32">, gate: Tensor) => mul(x, sigmoid(gate)),
		backward: (gradient, _, x, _count, gate) => {
			const open = sigmoid(gate);
			return [mul(gradient, open), null, mul(mul(gradient, x), mul(open, add(1, mul(-1, open))))];
		},
	});
	const count = gpu.tensor(Uint32Array.of(1));
	await gradCheck((x, gate) => gated(x, count, gate), [gpu.randn([3, 5]), gpu.randn([3, 5])]);
	assertThrows(() => gated(1 as never, 2 as never, 3 as never), ArgumentError, ["gated", "tensor"]);
});

test("what a definition gets wrong is said by the operation's name", async () => {
	const gpu = await device();
	const x = gpu.parameter([1, 2, 3]);
	const forward = (x: Tensor) => mul(x, 2);
	const of = (backward: (gradient: Tensor) => unknown) => {
		const operation = defineOperation({ name: "wrong", forward, backward: backward as () => Tensor[] });
		return () => gpu.scope(() => backward_(operation(x)));
	};
	const backward_ = (y: Tensor) => backward(sum(y));
	assertThrows(
		of(() => [gpu.zeros([2])]),
		GradientError,
		["wrong", [2], [3]],
	);
	assertThrows(
		of(() => []),
		GradientError,
		["wrong", "1", "0"],
	);
	assertThrows(
		of(() => [gpu.zeros([3], "int32")]),
		GradientError,
		["wrong", "int32"],
	);
	assertThrows(
		of(() => 7),
		GradientError,
		["wrong", "array"],
	);
	const without = defineOperation({ name: "without", forward });
	assertThrows(() => gpu.scope(() => backward_(without(x))), GradientError, ["without", "backward"]);
	const none = defineOperation({ name: "none", forward: ((_: Tensor) => undefined) as never });
	assertThrows(() => none(x as never), ArgumentError, ["none", "forward"]);
	assert.not.ok(x.hasGrad);
	x.dispose();
});

test("gradCheck finds a wrong gradient, and names the element", async () => {
	const gpu = await device();
	const wrong = defineOperation({
		name: "wrong",
		forward: (x: Tensor) => mul(x, mul(x, x)),
		backward: (gradient, _, x) => [mul(gradient, mul(2.5, mul(x, x)))],
	});
	const x = gpu.tensor([0.5, 1, 1.5]);
	let message = "";
	await gradCheck(wrong, [x]).catch((error: Error) => {
		message = error.message;
	});
	assert.match(
		message,
		/^gradCheck: the gradient of element \d of inputs\[0\] \[3\] is .*, but the difference quotient is /,
	);
	await gradCheck((x) => mul(x, mul(x, x)), [x]);
	x.dispose();
});

test("two kernels of one name are two kernels, and a mistake in one names it and the line", async () => {
	const gpu = await device();
	const times = (factor: string) =>
		kernel(
			"times",
			`@group(0) @binding(0) var<storage, read_write> x: array<f32>;
			@compute @workgroup_size(1) fn main() { x[0] = x[0] * ${factor}; }`,
		);
	const x = gpu.tensor([5]);
	for (const factor of ["2.0", "3.0", "2.0"]) gpu.launch(times(factor), { bindings: [x.memory()], workgroups: 1 });
	assert.is(await x.item(), 60);
	gpu.launch(times("nothing"), { bindings: [x.memory()], workgroups: 1 });
	let thrown: unknown;
	await x.item().catch((error) => {
		thrown = error;
	});
	assert.instance(thrown, ShaderError);
	assert.match((thrown as Error).message, /kernel "times":2:.*nothing/s);
	x.dispose();
});

test.run();
