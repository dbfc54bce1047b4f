// A line through points: y ≈ weight · x + bias, by gradient descent.
//
//   node examples/linear_regression.js [--steps 100]
import { parseArgs } from "node:util";
import { add, backward, Linear, mseLoss, mul, openDevice, SGD } from "tessera-gpu";

const { values } = parseArgs({ options: { steps: { type: "string", default: "100" } } });

const gpu = await openDevice();
const x = gpu.rand([256, 1], { seed: 1 });
const noise = mul(gpu.randn([256, 1], { seed: 2 }), 0.05);
const y = add(add(mul(x, 2), -1), noise); // 2x − 1, and noise

const line = new Linear(gpu, 1, 1);
const optimizer = new SGD(line.parameters(), { lr: 0.5 });
for (let step = 0; step < Number(values.steps); step++)
	gpu.scope(() => {
		const loss = mseLoss(line.forward(x), y);
		optimizer.zeroGrad();
		backward(loss);
		optimizer.step();
	});

const [weight, bias] = await Promise.all([line.weight.item(), line.bias.item()]);
console.log(`y = ${weight.toFixed(2)} x + ${bias.toFixed(2)}`);
