import {
	Adam,
	add,
	backward,
	CaptureError,
	conv2d,
	DisposedError,
	type Gpu,
	mean,
	mseLoss,
	mul,
	openDevice,
	type Parameter,
	relu,
	ShaderError,
	scale,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { assertSame, assertThrows, device, parameterOf, randomArray, tensorOf, variants } from "../support.js";

const test = suite("capture");

test("a replay computes from the present elements of its inputs", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const x = gpu.tensor([1, 2, 3], [3]);
	const captured = gpu.capture(() => ({ doubled: scale(relu(x), 2) }));
	const { doubled } = captured.replay();
	assert.is(doubled, captured.result.doubled);
	assertSame(await doubled.data(), [2, 4, 6], "first");
	gpu.upload(x, [4, -5, 6]);
	assertSame(await doubled.data(), [2, 4, 6], "nothing happens before the replay");
	captured.replay();
	assertSame(await doubled.data(), [8, 0, 12], "second");
	captured.dispose();
	x.dispose();
	assert.is(doubled.isDisposed, true);
	assert.is(gpu.memory().buffers, before);
});

test("tracing computes nothing and changes nothing", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	const x = gpu.tensor([3, 4], [2]);
	gpu.scope(() => backward(sum(mul(w, x))));
	const { grad } = w;
	const adam = new Adam([w], { lr: 0.5 });
	const { dispatches, submits } = gpu.counters();
	const captured = gpu.capture(() => {
		adam.zeroGrad();
		backward(sum(mul(mul(w, w), x)));
		adam.step();
	});
	assert.is(gpu.counters().dispatches, dispatches);
	assert.is(gpu.counters().submits, submits);
	assert.is(w.grad, grad);
	assertSame(await w.data(), [1, 2], "the parameter");
	assertSame(await grad.data(), [3, 4], "its gradient");
	captured.replay();
	assertSame(await w.grad.data(), [6, 16], "the gradient after a replay");
	captured.dispose();
	assertSame(await w.grad.data(), [6, 16], "the gradient outlives the capture");
	adam.dispose();
	for (const tensor of [w, x]) tensor.dispose();
});

/** Some steps of a small network with Adam, and the parameters and losses that they lead to. */
async function train(gpu: Gpu, captures: boolean): Promise<Float32Array[]> {
	const random = new Random(7);
	const x = tensorOf(gpu, randomArray(random, [2, 3, 9, 7]));
	const target = tensorOf(gpu, randomArray(random, [2, 17, 5, 4]));
	const weight = parameterOf(gpu, randomArray(random, [17, 3, 3, 3]));
	const bias = parameterOf(gpu, randomArray(random, [17]));
	const adam = new Adam([weight, bias], { lr: 0.03 });
	const step = () => {
		adam.zeroGrad();
		const loss = mseLoss(relu(conv2d(x, weight, { bias, stride: 2, padding: 1 })), target);
		backward(loss);
		adam.step();
		return { loss };
	};
	const captured = captures ? gpu.capture(step) : undefined;
	const results: Float32Array[] = [];
	for (let i = 0; i < 5; i++) {
		if (i === 2) adam.lr = 0.01;
		if (i === 3) gpu.trim();
		gpu.upload(x, [...randomArray(random, [2, 3, 9, 7]).data]);
		const { loss } = captured === undefined ? gpu.scope(step) : captured.replay();
		results.push(await loss.data(), await weight.grad.data());
		if (captured === undefined) loss.dispose();
	}
	results.push(await weight.data(), await bias.data());
	captured?.dispose();
	adam.dispose();
	for (const tensor of [x, target, weight, bias]) tensor.dispose();
	return results;
}

test("replays give the same bits as the step itself", async () => {
	for (const gpu of await variants()) {
		const before = gpu.memory().buffers;
		const eager = await train(gpu, false);
		const captured = await train(gpu, true);
		for (const [i, values] of eager.entries()) assertSame(captured[i], values, `value ${i}`);
		assert.is(gpu.memory().buffers, before);
	}
});

test("a replay is one submit, creates nothing and counts its dispatches", async () => {
	const gpu = await device();
	const x = gpu.tensor(new Float32Array(1000).fill(2), [10, 100]);
	const captured = gpu.capture(() => {
		let y = x;
		for (let i = 0; i < 40; i++) y = add(scale(y, 0.5), x);
		return mean(y);
	});
	captured.replay();
	await gpu.finish();
	const memory = gpu.memory();
	const before = gpu.counters();
	for (let i = 0; i < 10; i++) captured.replay();
	await gpu.finish();
	const after = gpu.counters();
	assert.is(after.submits - before.submits, 10);
	assert.is(after.dispatches - before.dispatches, 10 * 81);
	assert.is(after.pipelines, before.pipelines);
	assert.equal([after.bindGroupsMade, after.buffersMade], [before.bindGroupsMade, before.buffersMade]);
	assert.equal(gpu.memory(), memory);
	assert.ok(Math.abs((await captured.result.item()) - 4) < 1e-5);
	captured.dispose();
	x.dispose();
});

test("weights that are packed at the start of a step: not if the step has computed or changed them", async () => {
	for (const gpu of await variants()) {
		const before = gpu.memory().buffers;
		const random = new Random(8);
		const shapes = [
			[5, 3, 6, 7],
			[7, 3, 3, 3],
			[9, 3, 2, 2],
			[7, 3, 3, 3],
		];
		const [x, weight, other, next] = shapes.map((shape) => tensorOf(gpu, randomArray(random, shape))) as [
			Tensor,
			Tensor,
			Tensor,
			Tensor,
		];
		const step = () => {
			const results = [conv2d(x, weight), conv2d(x, scale(weight, 2)), conv2d(x, other)];
			gpu.copy(next, weight);
			return [...results, conv2d(x, weight)];
		};
		const start = randomArray(random, [7, 3, 3, 3]);
		const outputs: Float32Array[][] = [];
		const captured = gpu.capture(step);
		for (const run of [() => gpu.scope(step), () => captured.replay()]) {
			gpu.upload(weight, [...start.data]);
			const results = run();
			outputs.push((await gpu.readAll(results)) as Float32Array[]);
			if (outputs.length === 1) for (const result of results) result.dispose();
		}
		const [eager = [], replayed = []] = outputs;
		for (const [i, values] of eager.entries()) assertSame(replayed[i], values, `${gpu.variants[0]}: convolution ${i}`);
		captured.dispose();
		for (const tensor of [x, weight, other, next]) tensor.dispose();
		assert.is(gpu.memory().buffers, before);
	}
});

test("no other tensor gets a captured step's buffers", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3, 4], [4]);
	const before = gpu.memory();
	const captured = gpu.capture(() => scale(relu(scale(x, 3)), 5));
	assert.ok(gpu.memory().buffers > before.buffers, "they count as alive");
	captured.replay();
	const others: Tensor[] = [];
	for (let i = 0; i < 30; i++) others.push(scale(x, 100 + i));
	captured.replay();
	gpu.trim();
	captured.replay();
	for (const [i, other] of others.entries()) {
		const factor = 100 + i;
		assertSame(await other.data(), [factor, 2 * factor, 3 * factor, 4 * factor], `other ${i}`);
		other.dispose();
	}
	assertSame(await captured.result.data(), [15, 30, 45, 60], "the result");
	captured.dispose();
	assert.is(gpu.memory().buffers, before.buffers);
	x.dispose();
});

test("a capture does not overwrite buffers that encoded commands use", async () => {
	for (const use of ["dispose", "upload"]) {
		const gpu = await openDevice();
		const x = gpu.tensor([1, 2], [2]);
		const y = scale(x, 2);
		await gpu.finish();
		const z = relu(y);
		y.dispose(); // its buffer is free, but the commands that use it are not submitted
		const captured = gpu.capture(() => scale(x, 3));
		if (use === "dispose") {
			captured.dispose();
			gpu.tensor([7, 7], [2]);
		} else gpu.upload(captured.result, [7, 7]);
		assertSame(await z.data(), [2, 4], use);
		gpu.dispose();
	}
});

test("tensors from outside live as long as the captured step", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	const captured = gpu.capture(() => scale(x, 7));
	x.dispose();
	const others = [3, 4, 5].map((value) => gpu.tensor([value, value], [2]));
	assertSame(await captured.replay().data(), [7, 14], "from a tensor that was disposed of");
	captured.dispose();
	assertThrows(() => captured.replay(), DisposedError);
	captured.dispose();
	for (const other of others) other.dispose();
});

test("a replay comes after the commands that were encoded before it, and makes its copies", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	const last = gpu.tensor([0, 0], [2]);
	const captured = gpu.capture(() => {
		gpu.copy(x, last);
		const y = scale(x, 2);
		const copy = gpu.clone(y);
		return scale(copy, 10);
	});
	const other = scale(last, 1);
	captured.replay();
	gpu.upload(x, [3, 4]);
	const later = add(last, captured.result);
	captured.replay();
	assertSame(await other.data(), [0, 0], "before");
	assertSame(await later.data(), [21, 42], "between");
	assertSame(await last.data(), [3, 4], "the copy");
	assertSame(await captured.result.data(), [60, 80], "after");
	captured.dispose();
	for (const tensor of [x, last, other, later]) tensor.dispose();
});

test("blocked tensors from outside and inside of a captured step", async () => {
	for (const gpu of await variants()) {
		const random = new Random(5);
		const images = randomArray(random, [16, 3, 8, 8]);
		const others = randomArray(random, [16, 5, 8, 8]);
		const first = parameterOf(gpu, randomArray(random, [5, 3, 3, 3]));
		const second = parameterOf(gpu, randomArray(random, [4, 5, 3, 3]));
		const x = tensorOf(gpu, images);
		const expectedOf = async (y: Tensor) => {
			const z = gpu.scope(() => conv2d(y, second, { padding: 1 }));
			const values = await z.data();
			z.dispose();
			return values;
		};
		const before = gpu.memory().buffers;
		const hidden = gpu.scope(() => conv2d(x, first, { padding: 1 })); // made outside, perhaps blocked
		const captured = gpu.capture(() => ({ z: conv2d(hidden, second, { padding: 1 }) }));
		const expected = await expectedOf(hidden);
		assertSame(await captured.replay().z.data(), expected, "of a tensor from outside");
		gpu.upload(hidden, Float32Array.from(others.data));
		const { z } = captured.replay();
		assertSame(await z.data(), await expectedOf(hidden), "of new data");
		captured.dispose();

		const inside = gpu.capture(() => conv2d(conv2d(x, first, { padding: 1 }), second, { padding: 1 }));
		assertSame(await inside.replay().data(), expected, "of a tensor made in the step");
		gpu.upload(x, new Float32Array(images.data.length));
		assertSame(await inside.replay().data(), new Float32Array(expected.length), "read a second time");
		inside.dispose();
		hidden.dispose();
		assert.is(gpu.memory().buffers, before);
		for (const tensor of [x, first, second]) tensor.dispose();
	}
});

test("the source of a feed is called before each replay", async () => {
	const gpu = await device();
	const factor = gpu.empty([1]);
	const x = gpu.tensor([1, 2], [2]);
	let calls = 0;
	const captured = gpu.capture(() => {
		gpu.feed(factor, () => [10 * ++calls]);
		return mul(x, factor);
	});
	assert.is(calls, 0);
	const values: number[] = [];
	for (let i = 0; i < 3; i++) values.push((await captured.replay().data())[1] as number);
	assert.equal(values, [20, 40, 60]);
	captured.dispose();
	for (const tensor of [factor, x]) tensor.dispose();
});

test("gradients are added up or set as in the step itself", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 1], [2]);
	const x = gpu.tensor([2, 3], [2]);
	const step = () => backward(sum(mul(w, x)));
	const captured = gpu.capture(step); // w has no gradient yet, and the step does not forget it
	captured.replay();
	assertThrows(() => captured.replay(), CaptureError, ["zeroGrad", [2]]);
	w.zeroGrad();
	captured.replay();
	assertSame(await w.grad.data(), [2, 3], "set");
	gpu.scope(step);
	assertSame(await w.grad.data(), [4, 6], "added to by a step that is not captured");
	w.zeroGrad();
	captured.replay();
	assertSame(await w.grad.data(), [2, 3], "set again");
	captured.dispose();
	for (const tensor of [w, x]) tensor.dispose();
});

test("parameters with different numbers of Adam steps keep their own counts", async () => {
	const gpu = await device();
	const results: Float32Array[] = [];
	for (const captures of [false, true]) {
		const [a, b] = [gpu.parameter([1, 2], [2]), gpu.parameter([3, 4], [2])] as const;
		const adam = new Adam([a, b], { lr: 0.1 });
		const first = () => {
			adam.zeroGrad();
			backward(sum(mul(a, a)));
			adam.step();
		};
		const both = () => {
			adam.zeroGrad();
			backward(sum(mul(mul(a, a), b)));
			adam.step();
		};
		for (let i = 0; i < 3; i++) gpu.scope(first);
		const captured = captures ? gpu.capture(both) : undefined;
		for (let i = 0; i < 3; i++) captured === undefined ? gpu.scope(both) : captured.replay();
		results.push(await a.data(), await b.data());
		captured?.dispose();
		const together = gpu.capture(() => {
			adam.zeroGrad();
			backward(sum(a));
			adam.step();
		});
		together.replay();
		together.dispose();
		adam.dispose();
		for (const tensor of [a, b]) tensor.dispose();
	}
	for (let i = 0; i < 2; i++) assertSame(results[2 + i], results[i], `parameter ${i}`);

	const [a, b] = [gpu.parameter([1], [1]), gpu.parameter([2], [1])] as const;
	const adam = new Adam([a, b]);
	const captured = gpu.capture(() => {
		adam.zeroGrad();
		backward(sum(mul(a, b)));
		adam.step();
	});
	captured.replay();
	gpu.scope(() => {
		adam.zeroGrad();
		backward(sum(a));
		adam.step();
	});
	assertThrows(() => captured.replay(), CaptureError, ["moved apart"]);
	captured.dispose();
	adam.dispose();
	for (const tensor of [a, b]) tensor.dispose();
});

/** What capturing such a step says. */
async function refused(step: (gpu: Gpu, x: Tensor, w: Parameter) => unknown, words: string[]): Promise<void> {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	const w = gpu.parameter([1, 1], [2]);
	const before = gpu.memory().buffers;
	assertThrows(() => gpu.capture(() => step(gpu, x, w)), CaptureError, words);
	assert.is(gpu.memory().buffers, before, "nothing stays behind");
	assert.is(w.hasGrad, false);
	const y = scale(x, 2);
	assertSame(await y.data(), [2, 4], "the device works on");
	for (const tensor of [x, w, y]) tensor.dispose();
}

test("what cannot be captured is refused, with the dispatch after which it was", async () => {
	await refused(
		(_, x) => {
			const y = relu(x);
			void y.data().catch(() => undefined);
			return y;
		},
		["reads back", "after dispatch 1", "relu.wgsl"],
	);
	await refused((gpu, x) => add(x, gpu.tensor([1, 2], [2])), ["uploads", "before its first dispatch", "gpu.upload"]);
	await refused(
		(gpu, x) => {
			const y = scale(scale(x, 3), 4);
			gpu.upload(x, [1, 2]);
			return y;
		},
		["uploads", "after dispatch 2", "scale.wgsl"],
	);
	await refused((gpu) => gpu.flush(), ["submits"]);
	await refused((gpu) => void gpu.finish().catch(() => undefined), ["waits"]);
	await refused((gpu) => void gpu.time(() => undefined).catch(() => undefined), ["timed"]);
	await refused((gpu, x) => gpu.capture(() => relu(x)), ["captures another"]);
	await refused(
		(gpu, x, w) => {
			backward(sum(mul(x, w)));
			gpu.keep(scale(x, 3));
		},
		["8 bytes", "does not return"],
	);
	await refused(
		(gpu, x) => {
			const y = relu(x);
			gpu.feed(x, () => [1, 2]);
			return y;
		},
		["feeds", "after dispatch 1"],
	);
	await refused((gpu) => gpu.feed(gpu.empty([1]), () => [1]), ["feeds", "before the step"]);
	await refused(() => Promise.resolve(1), ["not async"]).catch((error: Error) => assert.match(error.message, "async"));
});

test("a read inside a step is refused once, also when the step does not await it", async () => {
	const unhandled: unknown[] = [];
	const note = (event: PromiseRejectionEvent) => unhandled.push(event.reason);
	const noteInNode = (reason: unknown) => unhandled.push(reason);
	if (typeof process === "undefined") globalThis.addEventListener("unhandledrejection", note);
	else process.on("unhandledRejection", noteInNode);
	const reads: ((gpu: Gpu, x: Tensor) => unknown)[] = [
		(_, x) => x.data(),
		(_, x) => sum(x).item(),
		(_, x) => x.item(),
		(gpu, x) => gpu.readAll([x]),
		(gpu, x) => gpu.read([x.memory()]),
		(gpu) => gpu.finish(),
		(gpu) => gpu.throttle(),
		(gpu) => gpu.time(() => undefined),
		(gpu, x) => gpu.prepare(() => relu(x)),
	];
	try {
		for (const read of reads) {
			await refused(
				(gpu, x) => {
					void read(gpu, x);
					return relu(x);
				},
				[": the step "],
			);
		}
		await new Promise((resolve) => setTimeout(resolve, 20));
		assert.equal(unhandled, []);
	} finally {
		if (typeof process === "undefined") globalThis.removeEventListener("unhandledrejection", note);
		else process.off("unhandledRejection", noteInNode);
	}
});

test("a step that differs the second time is refused", async () => {
	let calls = 0;
	await refused((_, x) => scale(scale(x, 2), 1 + (calls++ % 2)), ["dispatch 2", "scale.wgsl", "binding 2"]);
	await refused((_, x) => (calls++ % 2 === 0 ? relu(x) : scale(x, 2)), ["dispatch 1", "relu.wgsl", "scale.wgsl"]);
	const fill = {
		name: "fill_workgroups.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n@compute @workgroup_size(1)\nfn main(@builtin(workgroup_id) id: vec3<u32>) { x[id.x + id.y] = 1; }\n",
	};
	await refused(
		(gpu, x) => gpu.launch(fill, { bindings: [x.memory()], workgroups: 1 + (calls++ % 2) }),
		["dispatch 1", "with 1 workgroups", "with 2 workgroups"],
	);
	calls = 0;
	// Folded into two rows of 50,000 workgroups and into three, because a row has 65,535 at most.
	await refused(
		(gpu, x) => gpu.launch(fill, { bindings: [x.memory()], workgroups: calls++ % 2 === 0 ? 100_000 : 150_000 }),
		["dispatch 1", "with 100000 workgroups", "with 150000 workgroups"],
	);
	calls = 0;
	await refused((gpu) => gpu.empty([3 + (calls++ % 2)]), ["allocated 12 bytes", "allocated 16 bytes"]);
	await refused((_, x) => (calls++ % 2 === 0 ? relu(x) : relu(relu(x))), ["dispatch 2", "first ended", "relu.wgsl"]);
});

test("what a failed replay computes cannot be read, nor what is computed from it", async () => {
	const gpu = await device();
	const x = gpu.tensor([2, 3], [2]);
	const kept = gpu.tensor([0, 0], [2]);
	const broken = {
		name: "broken_capture.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> out: array<f32>;\n@compute @workgroup_size(1)\nfn main() { nonsense(); }\n",
	};
	const captured = gpu.capture(() => {
		const out = gpu.empty([2]);
		gpu.launch(broken, { bindings: [out.memory()], workgroups: 1 });
		const y = scale(x, 11);
		gpu.copy(y, kept);
		return { out, y };
	});
	captured.replay();
	captured.replay();
	const { out, y } = captured.result;
	const results = await Promise.allSettled([out.data(), y.data(), kept.data()]);
	assert.equal(
		results.map(({ status }) => status),
		["rejected", "rejected", "rejected"],
	);
	assertThrows(() => captured.replay(), ShaderError, ["broken_capture.wgsl:3"]);
	captured.dispose();
	const again = scale(x, 11);
	assertSame(await again.data(), [22, 33], "the device works on");
	gpu.upload(kept, [1, 2]);
	assertSame(await kept.data(), [1, 2], "overwritten");
	for (const tensor of [x, kept, again]) tensor.dispose();
});

test("a feed of the wrong size stops the replay", async () => {
	const gpu = await device();
	const x = gpu.tensor([1], [1]);
	let data: number[] = [5];
	const captured = gpu.capture(() => {
		gpu.feed(x, () => data);
		return scale(x, 2);
	});
	captured.replay();
	data = [1, 2];
	assert.throws(() => captured.replay(), /do not fill/);
	assert.is(await captured.result.item(), 10);
	captured.dispose();
	x.dispose();
});

test("a replay can be timed", async () => {
	const gpu = await device();
	const x = gpu.tensor(new Float32Array(1e6), [1e6]);
	const captured = gpu.capture(() => scale(relu(x), 2));
	const milliseconds = await gpu.time(() => captured.replay());
	assert.ok(milliseconds > 0 && milliseconds < 60_000, `${milliseconds} ms`);
	captured.dispose();
	x.dispose();
});

test("an upload after a replay that is not submitted yet does not reach it", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	const captured = gpu.capture(() => scale(x, 2));
	for (const used of [x, captured.result]) {
		captured.replay();
		await gpu.finish();
		// A timed replay is submitted at the end, so the upload has to split what is timed, which is refused.
		const timing = gpu.time(() => {
			captured.replay();
			gpu.upload(used, [5, 6]);
		});
		const [{ status }] = await Promise.allSettled([timing]);
		assert.is(status, gpu.has("timestamp-query") ? "rejected" : "fulfilled");
		assertSame(await captured.result.data(), used === x ? [2, 4] : [5, 6], used === x ? "its input" : "its result");
		gpu.upload(x, [1, 2]);
	}
	captured.dispose();
	x.dispose();
});

test("a replay on a lost device says so", async () => {
	const gpu = await openDevice();
	const x = gpu.tensor([1], [1]);
	const captured = gpu.capture(() => scale(x, 2));
	gpu.dispose();
	assert.throws(() => captured.replay(), /open a new one/);
});

test.run();
