import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { device } from "../support.js";

const test = suite("data of another context");

test("typed arrays of another context, as test runners make them, are those of their name", async () => {
	const gpu = await device();
	for (const [dtype, name] of [
		["float32", "Float32Array"],
		["int32", "Int32Array"],
		["uint32", "Uint32Array"],
	] as const) {
		const data: Float32Array = runInNewContext(`${name}.of(1, 2, 3)`);
		assert.not.ok(data instanceof globalThis[name]);
		const tensor = gpu.tensor(data);
		assert.is(tensor.dtype, dtype);
		gpu.upload(tensor, runInNewContext(`${name}.of(4, 5, 6)`));
		assert.equal([...(await tensor.data())], [4, 5, 6], name);
		tensor.dispose();
	}
});

test.run();
