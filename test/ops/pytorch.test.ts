// Operations on small inputs, compared with what PyTorch computed in float64; made by test/golden/operations/make_operations.py.
import { backward, mul, Parameter, sum, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertClose, device, variants } from "../support.js";
import { cases, inputsOf, names, resultOf } from "./golden_calls.js";

const test = suite("operations against PyTorch");

test("every operation is there with at least three cases", () => {
	assert.ok(names.length > 75, `${names.length}`);
	for (const name of names) assert.ok(cases.filter(({ op }) => op === name).length >= 3, name);
});

for (const name of names)
	test(name, async () => {
		const hasVariants = /matmul|linear|conv|Attention/.test(name);
		for (const gpu of hasVariants ? await variants({ tiled: true }) : [await device()])
			for (const each of cases.filter(({ op }) => op === name)) {
				const { inputs, options, output, w, gradients = [] } = each;
				const message = `${name} (${gpu.variants[0]}) ${JSON.stringify(options)} ${JSON.stringify(inputs.map(({ shape }) => shape))}`;
				const tensors = inputsOf(gpu, each);
				const y = gpu.scope(() => {
					const y = resultOf(gpu, each, tensors);
					if (w !== undefined) backward(sum(mul(y as Tensor, gpu.tensor([...w.data], w.shape))));
					return y;
				});
				assert.equal([...y.shape], [...output.shape], message);
				assertClose(await y.data(), output.data, 1e-5, message);
				const parameters = tensors.filter((tensor): tensor is Parameter => tensor instanceof Parameter);
				for (const [i, gradient] of gradients.entries())
					assertClose(await (parameters[i] as Parameter).grad.data(), gradient.data, 1e-4, `${message}: gradient ${i}`);
				for (const tensor of [y, ...tensors]) tensor.dispose();
			}
	});

test.run();
