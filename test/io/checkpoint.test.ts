import { loadSafetensors, saveSafetensors } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { device } from "../support.js";

const test = suite("checkpoint");

test("saves a tensor of any name", async () => {
	const gpu = await device();
	const names = ["__proto__", "constructor", "toString", "a"];
	const dict = Object.create(null);
	for (const [i, name] of names.entries()) dict[name] = gpu.tensor(Float32Array.of(i), [1]);
	const back = loadSafetensors(await saveSafetensors(dict));
	assert.equal(Object.keys(back), names);
	assert.equal(
		names.map((name) => back[name].data[0]),
		[0, 1, 2, 3],
	);
});

test.run();
