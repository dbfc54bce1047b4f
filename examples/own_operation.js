// An operation of one's own: a kernel in WGSL, its backward pass, a check of its gradients, and its use in a captured step.
//
//   node examples/own_operation.js
import { backward, defineOperation, gradCheck, kernel, openDevice, SGD, sum } from "tessera-gpu";

// swish(x) = x · sigmoid(βx), and with BACKWARD 1 its gradient.
const swishKernel = kernel(
	"swish",
	`
	override BACKWARD: u32;
	@group(0) @binding(0) var<storage, read> x: array<f32>;
	@group(0) @binding(1) var<storage, read> dy: array<f32>;
	@group(0) @binding(2) var<storage, read_write> out: array<f32>;
	@group(0) @binding(3) var<uniform> beta: f32;

	@compute @workgroup_size(64)
	fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
		// Grids of more than 65,535 workgroups are folded into rows.
		let i = id.y * groups.x * 64u + id.x;
		if (i >= arrayLength(&out)) { return; }
		let s = 1.0 / (1.0 + exp(-beta * x[i]));
		if (BACKWARD == 0u) { out[i] = x[i] * s; }
		else { out[i] = dy[i] * s * (1.0 + beta * x[i] * (1.0 - s)); }
	}`,
);

function launchSwish(x, dy, beta, backward) {
	const out = x.gpu.empty(x.shape);
	x.gpu.launch(swishKernel, {
		constants: { BACKWARD: backward ? 1 : 0 },
		bindings: [x.memory(), dy.memory(), out.memory()],
		uniforms: { beta },
		workgroups: Math.ceil(x.size / 64),
	});
	return out;
}

export const swish = defineOperation({
	name: "swish",
	forward: (x, beta) => launchSwish(x, x, beta, false),
	backward: (gradient, _result, x, beta) => [launchSwish(x, gradient, beta, true)],
});

const gpu = await openDevice();
await gradCheck((x) => swish(x, 2), [gpu.randn([5, 7], { seed: 1 })]);
console.log("The gradients agree with difference quotients.");

// Its minimum is at −0.639 for β = 2.
const x = gpu.parameter([1]);
const optimizer = new SGD([x], { lr: 0.5 });
const step = gpu.capture(() => {
	const loss = sum(swish(x, 2));
	optimizer.zeroGrad();
	backward(loss);
	optimizer.step();
});
for (let i = 0; i < 100; i++) step.replay();
console.log(`swish is smallest at x = ${(await x.item()).toFixed(3)}`);
