import { matmul, openDevice } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { tilesFor } from "../../../src/gpu/tiles.js";

const test = suite("tuning tiles");

test("prepare times every tile that suits a product, and the fastest one is used", async () => {
	const sizes = { rows: 72, inner: 40, columns: 68 };
	const names = tilesFor(sizes).map(({ name }) => name);
	assert.ok(names.length > 1);
	let stored = "{}";
	const store = {
		read: async () => stored,
		write: async (text: string) => {
			stored = text;
		},
	};
	const tuned = await openDevice({ variant: "tiled", tune: store, announce: false });
	const product = (gpu: typeof tuned) => gpu.scope(() => matmul(gpu.empty([72, 40]), gpu.empty([40, 68])));
	await tuned.prepare(() => product(tuned));
	const [[key = "", timings = {}] = []] = Object.entries(JSON.parse(stored) as Record<string, Record<string, number>>);
	assert.match(key, /^matmul 1,72,40,68/);
	assert.equal(Object.keys(timings).sort(), [...names].sort());
	tuned.dispose();

	// Each of them is used if it is the fastest in the store.
	for (const name of [names[0], names.at(-1)] as string[]) {
		stored = JSON.stringify({ [key]: { ...Object.fromEntries(names.map((other) => [other, 2])), [name]: 1 } });
		const gpu = await openDevice({ variant: "tiled", tune: store, announce: false });
		const used: unknown[] = [];
		gpu.onLaunch = ({ launch }) => used.push(launch.constants);
		product(gpu).dispose();
		const tile = tilesFor(sizes).find((candidate) => candidate.name === name);
		assert.equal(used, [{ ...tile?.constants, A_LOADS: 1, B_LOADS: 2 }]);
		gpu.dispose();
	}
});

test.run();
