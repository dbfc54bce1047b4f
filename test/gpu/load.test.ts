import {
	add,
	backward,
	type Gpu,
	LimitError,
	mul,
	OverloadError,
	openDevice,
	relu,
	scale,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BufferPool } from "../../src/gpu/buffer_pool.js";
import { GrowthWatch } from "../../src/gpu/growth_watch.js";
import { RecentMap } from "../../src/gpu/recent_map.js";
import { WorkInFlight } from "../../src/gpu/work_in_flight.js";
import { assertSame, assertThrows, device } from "../support.js";

const test = suite("the runtime under load");

test("operations with a new scalar each recycle their buffers", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	const launch = (from: number, count: number) => {
		for (let i = from; i < from + count; i++) scale(x, i).dispose();
	};
	launch(1, 2000);
	const before = gpu.counters();
	launch(2001, 6000);
	const after = gpu.counters();
	assert.is(after.buffersMade, before.buffersMade, "buffers");
	// One for each of the 512 scalars that are kept, with the few buffers of results.
	assert.ok(after.bindGroupsMade - before.bindGroupsMade < 1500, `${after.bindGroupsMade - before.bindGroupsMade}`);
	const y = scale(x, 0.25);
	assertSame(await y.data(), [0.25, 0.5], "the last one");
	for (const tensor of [x, y]) tensor.dispose();
});

test("a recycled scalar does not change commands that were encoded before", async () => {
	const gpu = await openDevice();
	const x = gpu.tensor([1], [1]);
	const results: Tensor[] = [];
	// More scalars than are kept, in one batch and across several.
	for (let i = 0; i < 1500; i++) results.push(scale(x, i));
	const values = await gpu.readAll(results);
	assert.equal(
		values.map(([value]) => value),
		results.map((_, i) => i),
	);
	const encoded = scale(x, 2);
	for (let i = 0; i < 1200; i++) gpu.uniform(Float32Array.of(9000 + i));
	assert.is(await encoded.item(), 2, "scalars that are recycled before the batch is submitted");
	const held = gpu.constant(7);
	const captured = gpu.capture(() => mul(scale(x, 3), held));
	held.dispose();
	for (let i = 0; i < 1500; i++) scale(x, 5000 + i).dispose();
	assert.is(await captured.replay().item(), 21, "a captured step keeps its scalars");
	gpu.dispose();
});

test("scalars that were freed cannot be bound", async () => {
	const gpu = await openDevice();
	const x = gpu.tensor([1], [1]);
	const scalar = gpu.uniform(Float32Array.of(2));
	for (let i = 0; i < 600; i++) gpu.uniform(Float32Array.of(100 + i));
	const kernel = {
		name: "bind_late.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n@group(0) @binding(1) var<storage, read> s: f32;\n@compute @workgroup_size(1)\nfn main() { x[0] = s; }\n",
	};
	assert.throws(
		() => gpu.launch(kernel, { bindings: [x.memory(), scalar], workgroups: 1 }),
		/bind_late.wgsl.*retain\(\)/,
	);
	assert.is(await x.item(), 1);
	gpu.dispose();
});

test("bind groups that are no longer used are dropped, except those of a captured step", async () => {
	const gpu = await openDevice();
	const x = gpu.tensor([1, -2, 3], [3]);
	const captured = gpu.capture(() => add(relu(x), x));
	captured.replay();
	for (let i = 1; i <= 6000; i++) {
		const y = gpu.empty([i]);
		relu(y).dispose();
		y.dispose();
	}
	const { bindGroups, bindGroupsMade } = gpu.counters();
	assert.ok(bindGroups <= 4096, `${bindGroups} bind groups`);
	assert.ok(bindGroupsMade >= 6000, `${bindGroupsMade} made`);
	gpu.upload(x, [-4, 5, 6]);
	assertSame(await captured.replay().data(), [-4, 10, 12], "the captured step");
	assert.is(gpu.counters().bindGroupsMade, bindGroupsMade, "its bind groups are still there");
	gpu.dispose();
});

test("shapes that are used again find their bind groups", async () => {
	const gpu = await openDevice();
	const round = () => {
		for (let i = 1; i <= 1000; i++) {
			const y = gpu.empty([i]);
			relu(y).dispose();
			y.dispose();
		}
	};
	round();
	const { bindGroupsMade } = gpu.counters();
	for (let i = 0; i < 5; i++) round();
	assert.is(gpu.counters().bindGroupsMade, bindGroupsMade);
	await gpu.finish();
	gpu.dispose();
});

test("a RecentMap keeps at least the last entries by use", () => {
	const dropped: string[] = [];
	const map = new RecentMap<number>(3, (key) => dropped.push(key));
	for (const [i, key] of [..."abcd"].entries()) map.set(key, i);
	assert.equal([map.get("a"), map.get("c"), map.get("d")], [0, 2, 3]);
	map.set("e", 4); // d, a, c were used last
	assert.equal(dropped, ["b"]);
	assert.equal([map.get("a"), map.get("c"), map.get("d"), map.get("b")], [0, 2, 3, undefined]);
	assert.is(map.size, 4);
	map.delete("a");
	assert.is(map.get("a"), undefined);
});

/** A pool whose buffers count how many of them were destroyed. */
function countingPool(freeLimit: number): { pool: BufferPool; destroyed: () => number } {
	let destroyed = 0;
	const buffer = () => ({ destroy: () => destroyed++ }) as unknown as GPUBuffer;
	return { pool: new BufferPool(buffer, () => undefined, freeLimit), destroyed: () => destroyed };
}

test("the pool takes the free buffer with the lowest id first", () => {
	const { pool } = countingPool(2 ** 30);
	for (let i = 0; i < 4; i++) pool.acquire(100);
	for (const id of [2, 0, 3, 1]) pool.release(id, 0);
	assert.equal(
		[4, 100, 256, 1].map((bytes) => pool.acquire(bytes).id),
		[0, 1, 2, 3],
	);
});

test("the pool destroys free buffers over its limit, the least recently used first", () => {
	const { pool, destroyed } = countingPool(2 * 256);
	for (let i = 0; i < 4; i++) pool.acquire(100);
	for (const [batch, id] of [2, 0, 3, 1].entries()) pool.release(id, batch);
	assert.is(destroyed(), 2);
	assert.equal({ ...pool.use() }, { buffers: 0, bytes: 0, pooledBuffers: 2, pooledBytes: 512 });
	assert.equal([pool.acquire(4).id, pool.acquire(4).id, pool.acquire(4).id], [1, 3, 4]);
});

test("the pool limits the number of its free buffers as well", () => {
	const { pool, destroyed } = countingPool(2 ** 30);
	const slots = Array.from({ length: 17_000 }, () => pool.acquire(4));
	for (const { id } of slots) pool.release(id, id);
	const { pooledBuffers } = pool.use();
	assert.ok(pooledBuffers <= 16_384 && pooledBuffers > 14_000, `${pooledBuffers}`);
	assert.is(pooledBuffers + destroyed(), 17_000);
	assert.ok(pool.acquire(4).id >= destroyed(), "the least recently used were destroyed first");
});

/** A queue whose work is done when `finish` says so. */
function handQueue(limits: { dispatches: number; uploadedBytes: number; objects: number }) {
	const waiting: (() => void)[] = [];
	const flight = new WorkInFlight(() => new Promise<void>((resolve) => waiting.push(resolve)), limits);
	const finish = async (count = waiting.length) => {
		for (const resolve of waiting.splice(0, count)) resolve();
		await new Promise((resolve) => setTimeout(resolve));
	};
	return { flight, finish, waiting };
}

test("throttle waits for the oldest batches, not for all", async () => {
	const { flight, finish, waiting } = handQueue({ dispatches: 1e6, uploadedBytes: 1e6, objects: 1e6 });
	let done = 0;
	const loop = (async () => {
		for (; done < 20; done++) {
			flight.submit(1);
			await flight.throttle(8);
		}
	})();
	await finish(0);
	assert.is(done, 8, "the ninth batch waits");
	await finish(1);
	assert.is(done, 12, "four were done at the first marker");
	assert.is(flight.batches, 9, "and eight others are in flight, besides the one that waits");
	while (waiting.length > 0) await finish();
	await loop;
	assert.is(done, 20);
});

test("throttle also waits for uploads and new objects that no launch has used", async () => {
	for (const unit of ["dispatches", "uploadedBytes", "objects"] as const) {
		const { flight, finish, waiting } = handQueue({ dispatches: 800, uploadedBytes: 800, objects: 800, [unit]: 80 });
		let done = 0;
		const loop = (async () => {
			for (; done < 300; done++) {
				if (unit === "uploadedBytes") flight.countUpload(1);
				else if (unit === "objects") flight.countObject();
				else flight.submit(1);
				flight.check();
				await flight.throttle(1000);
			}
		})();
		await finish(0);
		assert.is(done, 40, `${unit}: half of the limit`);
		while (waiting.length > 0) await finish();
		await loop;
		assert.is(done, 300, unit);
	}
});

test("work in flight is limited by dispatches, uploaded bytes and new objects", async () => {
	for (const unit of ["dispatches", "uploadedBytes", "objects"] as const) {
		const { flight, finish } = handQueue({ dispatches: 800, uploadedBytes: 800, objects: 800, [unit]: 80 });
		let given = 0;
		const loop = () => {
			for (; given < 800; given++) {
				if (unit === "uploadedBytes") flight.countUpload(1);
				if (unit === "objects") flight.countObject();
				flight.submit(1);
				flight.check();
			}
		};
		assertThrows(loop, OverloadError, ["await gpu.throttle()"]);
		assert.ok(given >= 80 && given <= 92, `${unit}: ${given}`);
		await finish();
		flight.check();
	}
});

/** Launches that the GPU takes a while for. */
function work(gpu: Gpu, x: Tensor): void {
	scale(x, 2).dispose();
	gpu.flush();
}

test("a loop that awaits throttle is at most a few batches ahead", async () => {
	const gpu = await device();
	const x = gpu.tensor(new Float32Array(2e5), [2e5]);
	await gpu.finish();
	assert.is(gpu.counters().batchesInFlight, 0);
	let most = 0;
	for (let i = 0; i < 60; i++) {
		work(gpu, x);
		await gpu.throttle(4);
		most = Math.max(most, gpu.counters().batchesInFlight);
	}
	assert.ok(most > 0 && most <= 4, `${most} batches in flight`);
	const rejected = await gpu.throttle(0).catch((error: Error) => error.message);
	assert.match(String(rejected), "batches must be a whole number of at least 1");
	x.dispose();
});

test("a loop that awaits nothing gets an error, and can go on after it has waited", async () => {
	const gpu = await openDevice({ maxDispatchesInFlight: 80 });
	const x = gpu.tensor([1], [1]);
	let launched = 0;
	assertThrows(
		() => {
			for (; launched < 1000; launched++) work(gpu, x);
		},
		OverloadError,
		["dispatches are in flight", "await gpu.throttle()"],
	);
	assert.ok(launched >= 80 && launched <= 100, `${launched}`);
	await gpu.throttle();
	const y = scale(x, 3);
	assert.is(await y.item(), 3);
	assert.is(gpu.counters().batchesInFlight, 0, "after a read nothing is in flight");
	const captured = gpu.capture(() => scale(x, 4));
	const replay = () => {
		for (let i = 0; i < 1000; i++) captured.replay();
	};
	assertThrows(replay, OverloadError, ["dispatches are in flight"]);
	await gpu.finish();
	assert.is(await captured.replay().item(), 4);
	for (let i = 0; i < 1000; i++) {
		work(gpu, x);
		if (i % 40 === 0) await gpu.finish();
	}
	gpu.dispose();
});

test("growth is warned of once, and only if every window grows", () => {
	const warnings: string[] = [];
	const watch = (alive: (step: number) => number, steps: number) => {
		warnings.length = 0;
		const growth = new GrowthWatch((message) => warnings.push(message));
		for (let step = 0; step < steps; step++) growth.step(alive(step));
		return warnings.length;
	};
	assert.is(
		watch((step) => 50 + 3 * step, 1200),
		0,
		"not before a thousand steps",
	);
	assert.is(
		watch((step) => 50 + 3 * step, 5000),
		1,
	);
	assert.match(warnings[0] as string, "3000 more tensors are alive than 1000 steps ago");
	assert.match(warnings[0] as string, "gpu.scope");
	assert.is(
		watch((step) => 50 + (step % 200) * 3, 5000),
		0,
		"freed now and then",
	);
	assert.is(
		watch((step) => 50 + Math.min(step, 700), 5000),
		0,
		"a cache that fills",
	);
});

test("a loop without gpu.scope is warned on the console", async () => {
	const gpu = await openDevice();
	const { warn } = console;
	const warnings: string[] = [];
	console.warn = (message: string) => warnings.push(message);
	const w = gpu.parameter([1, 2]);
	const step = () => {
		w.zeroGrad();
		backward(sum(w));
	};
	try {
		for (let i = 0; i < 1400; i++) gpu.scope(step);
		assert.equal(warnings, []);
		for (let i = 0; i < 1400; i++) step();
		assert.is(warnings.length, 1);
		assert.match(warnings[0] as string, "gpu.scope(() => …)");
	} finally {
		console.warn = warn;
	}
	await gpu.finish();
	gpu.dispose();
});

test("reads of any size find a staging buffer that holds them", async () => {
	const gpu = await openDevice();
	const sizes = [1, 1025, 5, 1023, 3000, 1024, 2049, 70_001, 65_536, 7, 70_000, 16_385];
	for (const size of sizes) {
		const data = Float32Array.from({ length: size }, (_, i) => i % 977);
		const x = gpu.tensor(data, [size]);
		assertSame(await x.data(), data, `${size} numbers`);
		x.dispose();
	}
	const most = Math.min(gpu.limits.maxBufferSize, 2 ** 53);
	assert.ok(most > 0);
	assertThrows(() => gpu.empty([most]), LimitError);
	gpu.dispose();
});

test.run();
