import { relu, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Bench } from "../../../bench/harness/benchmark.js";
import { measureOperation } from "../../../bench/harness/measure_operation.js";
import { compareResults, type Library, openLibraries, type Peer } from "../../../bench/harness/peers.js";
import { device } from "../../support.js";

const test = suite("benchmarks of operations");

/** Another library's operation with this result. */
function peer(name: string, ...result: number[]): Peer {
	return { contender: { name, call: () => undefined, finish: async () => undefined }, result };
}

test("a library with another result is wrong, unless no library has our result", () => {
	const [near, far] = [peer("tfjs", 1, 2.0001), peer("jax-js", 1, 3)];
	const { differences, right, wrong } = compareResults([1, 2], [near, far]);
	assert.equal(right, [near]);
	assert.equal(wrong, ["jax-js"]);
	assert.is(differences.get("jax-js"), 1 / 3);
	assert.throws(() => compareResults([1, 2], [far]), /differs from jax-js's by 3\.3e-1 of the largest value/);
	assert.throws(() => compareResults([1, Number.NaN], [near]), /differs/);
	assert.equal(compareResults([1, 2], []).right, []);
});

test("libraries that do not open are named in the notes", async () => {
	const library = { peers: [peer("tfjs", 1)], close: () => undefined };
	const notes: string[] = [];
	const refuse = async () => {
		throw new Error("jax-js: out of memory");
	};
	assert.equal(await openLibraries([async () => library, refuse], notes), [library]);
	assert.equal(notes, ["jax-js: out of memory"]);
});

/** Measures relu([−1, 2]) next to libraries with these results. */
async function measured(results: Readonly<Record<string, readonly number[]>>, tfjs = true) {
	const gpu = await device();
	const options = { rounds: 2, budget: 1, tfjs, size: undefined, list: false } as const;
	const none = { out: undefined, compare: undefined, only: undefined, adapter: undefined, variant: undefined };
	const bench: Bench = { gpu, options: { ...options, ...none }, versions: {} };
	const closed: string[] = [];
	const openers = Object.entries(results).map(([name, result]) => async (): Promise<Library> => {
		return { peers: [peer(name, ...result)], close: () => void closed.push(name) };
	});
	using x: Tensor = gpu.tensor([-1, 2], [2]);
	const outcome = await measureOperation(bench, () => relu(x), openers).catch((error: Error) => error);
	return { outcome, closed };
}

test("an operation is timed next to the libraries that have its result", async () => {
	const { outcome, closed } = await measured({ tfjs: [0, 2], "jax-js": [0, 3] });
	if (outcome instanceof Error) throw outcome;
	assert.equal([...outcome.results.keys()], ["ours", "tfjs"]);
	assert.ok(outcome.times.ours_ms > 0);
	assert.is(outcome.times.jax_ms, null);
	assert.is(outcome.note, "jax-js gives a wrong result and is left out");
	assert.is(outcome.size, 2);
	assert.equal(closed, ["tfjs", "jax-js"]);
});

test("a wrong result of ours is an error, and the libraries are closed", async () => {
	const { outcome, closed } = await measured({ tfjs: [0, 1], "jax-js": [0, 3] });
	assert.ok(outcome instanceof Error);
	assert.match(outcome.message, /differs from tfjs's by 1\.0e\+0 and from jax-js's/);
	assert.equal(closed, ["tfjs", "jax-js"]);
});

test("--no-tfjs opens no library", async () => {
	const { outcome, closed } = await measured({ tfjs: [0, 1] }, false);
	assert.ok(!(outcome instanceof Error));
	assert.equal(closed, []);
});

test.run();
