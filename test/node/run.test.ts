import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compare } from "../diff.js";

const test = suite("the run of the tests");
const folder = fileURLToPath(new URL("..", import.meta.url));

/** What the runner prints for a file of tests, and the code it ends with; it must end within some seconds. */
async function runFile(text: string): Promise<{ code: number | string | null; stdout: string }> {
	const own = await mkdtemp(join(folder, "run-"));
	await writeFile(join(own, "own.test.js"), text);
	try {
		const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "run.js"), `--folder=${own}`], {
			timeout: 20_000,
		});
		return { code: 0, stdout };
	} catch (error) {
		return error as { code: number | string | null; stdout: string };
	} finally {
		await rm(own, { recursive: true });
	}
}

test("values of any size that differ are reported at once, with where they do", () => {
	const numbers = Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
	const others = numbers.map((number, i) => (i < 70_000 ? number : -number));
	for (const [actual, expected] of [
		[numbers, others],
		[numbers.join(), others.join()],
		[numbers.join("\n"), others.join("\n")],
		[Float32Array.from(numbers), Float32Array.from(others)],
		[{ numbers }, { numbers: others }],
	] as const) {
		const start = performance.now();
		let details = "";
		try {
			assert.equal(actual, expected);
		} catch (error) {
			details = (error as { details: string }).details;
		}
		assert.ok(performance.now() - start < 2000, `${performance.now() - start} ms`);
		assert.match(details, String(numbers[70_000]).slice(0, 5));
		assert.ok(details.length < 2000, `${details.length} characters`);
	}
	assert.match(compare([1, Number.NaN, undefined], [1, Number.NaN, 2n]), /character 16, line 4/);
});

test("a run with a failed test says so and ends, whatever the test left open", async () => {
	const open = 'import { suite } from "uvu"; const test = suite("own"); setInterval(() => {}, 1000);';
	const failed = await runFile(`${open} test("fails", () => { throw new Error("as it should"); }); test.run();`);
	assert.is(failed.code, 1, failed.stdout);
	assert.match(failed.stdout, /as it should/);
	assert.match(failed.stdout, /\n0 passed, 1 failed\n$/);
	const broken = await runFile("setInterval(() => {}, 1000); throw new Error('as it should');");
	assert.is(broken.code, 1, broken.stdout);
});

test("the counts of a run are those of all files, and a run without tests is no success", async () => {
	const passing =
		'import { suite } from "uvu"; const test = suite("own"); test("a", () => {}); test("b", () => {}); test.run();';
	const passed = await runFile(passing);
	assert.is(passed.code, 0, passed.stdout);
	assert.match(passed.stdout, /\n2 passed, 0 failed\n$/);
	assert.is((await runFile("")).code, 1);
	const skipped = await runFile(
		'import { suite } from "uvu"; const test = suite("own"); test.skip("a", () => {}); test.run();',
	);
	assert.is(skipped.code, 1);
});

test("a test that never ends is no success", async () => {
	const text = 'import { suite } from "uvu"; const test = suite("own"); test("waits", () => new Promise(() => {}));';
	const { code } = await runFile(`${text} test.run();`);
	assert.ok(code !== 0 && code !== null, String(code));
});

test.run();
