import { readdir, readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bindingKinds } from "../../src/gpu/kernel.js";
import { device } from "../support.js";

const test = suite("kernels/");

const files = (await readdir("kernels")).filter((file) => file.endsWith(".wgsl"));

test("there are kernels", () => {
	assert.ok(files.length > 20, `${files.length} files`);
});

for (const file of files)
	test(`${file} compiles as it stands`, async () => {
		const gpu = await device();
		const source = await readFile(`kernels/${file}`, "utf8");
		gpu.device.pushErrorScope("validation");
		const module = gpu.device.createShaderModule({ code: source });
		const { messages } = await module.getCompilationInfo();
		const error = await gpu.device.popErrorScope();
		assert.equal(
			messages.map(({ lineNum, message }) => `${file}:${lineNum}: ${message}`),
			[],
		);
		assert.is(error, null);
	});

for (const file of files)
	test(`${file} has a header, bindings in order and no float atomics`, async () => {
		const source = await readFile(`kernels/${file}`, "utf8");
		assert.match(source, /^\/\/ /);
		assert.match(source, /@workgroup_size/);
		const kinds = bindingKinds({ name: file, source });
		assert.ok(kinds.length > 0 && !Object.values(kinds).includes(undefined as never) && kinds.length <= 8);
		assert.is(kinds.filter((kind) => kind !== undefined).length, kinds.length, "no gap between the bindings");
		assert.not.match(source, /atomicCompareExchangeWeak/);
		assert.not.match(source, /\bloop\s*\{|\bwhile\s*\(/);
	});

test.run();
