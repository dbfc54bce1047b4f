import { embedding, type LaunchEvent, openDevice, relu, scale } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertSame, device } from "../support.js";

const test = suite("debug output");

/** What is printed while `body` runs, without what Dawn prints. */
async function printedBy(body: () => Promise<void>): Promise<string[]> {
	const { warn } = console;
	const lines: string[] = [];
	console.warn = (line: string) => lines.push(line);
	try {
		await body();
	} finally {
		console.warn = warn;
	}
	return lines;
}

test('debug: "launches" prints each launch when it is launched, traced and replayed', async () => {
	const lines = await printedBy(async () => {
		const gpu = await openDevice({ announce: false, debug: "launches" });
		const x = gpu.tensor(new Float32Array(1000).fill(2));
		scale(x, 3).dispose();
		const captured = gpu.capture(() => relu(x));
		captured.replay();
		gpu.dispose();
	});
	assert.match(lines[0], /^eager scale\.wgsl: .*workgroups, bindings of 4,000 \+ .*4,000 bytes$/);
	assert.equal(
		lines.map((line) => line.split(":")[0]),
		["eager scale.wgsl", "traced relu.wgsl", "traced relu.wgsl", "replayed relu.wgsl"],
	);
});

test("a line has the constants and the fields of the uniform", async () => {
	const kernel = {
		name: "fill_debug.wgsl",
		source: `override FACTOR: f32;
struct Parameters { value: f32, count: u32 }
@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
	if (id.x < parameters.count) { y[id.x] = FACTOR * parameters.value; }
}
`,
	};
	const lines = await printedBy(async () => {
		const gpu = await openDevice({ announce: false, debug: "launches" });
		const y = gpu.empty([2]);
		const uniforms = { value: 0.5, count: 2 };
		gpu.launch(kernel, { constants: { FACTOR: 3 }, uniforms, bindings: [y.memory()], workgroups: 2 });
		assertSame(await y.data(), [1.5, 1.5], "y");
		gpu.dispose();
	});
	assert.equal(lines, [
		"eager fill_debug.wgsl: constants { FACTOR 3 }, uniforms { value 0.5, count 2 }, 2 workgroups, bindings of 8 bytes",
	]);
});

test('debug: "shaders" prints each pipeline with its constants, and the WGSL of each kernel once', async () => {
	const lines = await printedBy(async () => {
		const gpu = await openDevice({ announce: false, debug: "shaders" });
		const x = gpu.tensor([[1, -2]]);
		for (let i = 0; i < 3; i++) relu(scale(x, i));
		const indices = gpu.tensor(Uint32Array.of(0, 1));
		for (const rows of [2, 3]) embedding(indices, gpu.empty([rows, 4]));
		await gpu.prepare(() => embedding(indices, gpu.empty([9, 4])));
		await gpu.finish();
		gpu.dispose();
	});
	assert.equal(
		lines.map((line) => line.split("\n")[0]),
		[
			"compiled scale.wgsl:",
			"compiled relu.wgsl:",
			"compiled embedding.wgsl: constants { ROWS 2, DIMENSIONS 4, INNER 1 }",
			"compiled embedding.wgsl: constants { ROWS 3, DIMENSIONS 4, INNER 1 }",
			"compiled embedding.wgsl: constants { ROWS 9, DIMENSIONS 4, INNER 1 }",
		],
	);
	assert.equal(
		lines.map((line) => /@compute/.test(line)),
		[true, true, true, false, false],
	);
});

test("onLaunch gets each launch before it is encoded, and what is launched again computes the same", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, -2, 3]);
	const events: LaunchEvent[] = [];
	gpu.onLaunch = (event) => events.push(event);
	const y = relu(x);
	gpu.onLaunch = undefined;
	scale(x, 2).dispose();
	assert.equal(
		events.map(({ kernel, mode }) => `${mode} ${kernel.name}`),
		["eager relu.wgsl"],
	);
	gpu.upload(x, [4, 5, -6]);
	gpu.launch(events[0].kernel, events[0].launch);
	assertSame(await y.data(), [4, 5, 0], "launched again");
	for (const tensor of [x, y]) tensor.dispose();
});

test("a listener sees the replays of a step that was captured before it was set", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, -2]);
	const captured = gpu.capture(() => scale(relu(x), 3));
	const kernels: string[] = [];
	gpu.onLaunch = ({ kernel, mode }) => kernels.push(`${mode} ${kernel.name}`);
	captured.replay();
	gpu.onLaunch = undefined;
	captured.replay();
	assert.equal(kernels, ["replayed relu.wgsl", "replayed scale.wgsl"]);
	captured.dispose();
	x.dispose();
});

test.run();
