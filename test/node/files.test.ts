import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cacheFolder, readFileIfThere, writeFileAtomic } from "../../src/node/files.js";

const test = suite<{ folder: string }>("files");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-files-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

test("writes bytes and text, over what was there, and leaves nothing beside it", async ({ folder }) => {
	const path = join(folder, "file");
	await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
	assert.equal([...(await readFile(path))], [1, 2, 3]);
	await writeFileAtomic(path, "naïve\n");
	assert.is(await readFile(path, "utf8"), "naïve\n");
	assert.equal(await readdir(folder), ["file"]);
});

test("writes a view of a larger buffer", async ({ folder }) => {
	await writeFileAtomic(join(folder, "file"), Uint8Array.of(9, 1, 2, 9).subarray(1, 3));
	assert.equal([...(await readFile(join(folder, "file")))], [1, 2]);
});

test("makes the folders that are missing", async ({ folder }) => {
	await writeFileAtomic(join(folder, "a", "b", "file"), "x");
	assert.equal(await readdir(join(folder, "a", "b")), ["file"]);
});

test("a failure leaves the target as it was and no temporary file", async ({ folder }) => {
	// A folder cannot be replaced by a file.
	const path = join(folder, "taken");
	await mkdir(path);
	await writeFile(join(path, "inside"), "kept");
	const error = await writeFileAtomic(path, "x").catch((reason: unknown) => reason);
	assert.instance(error, Error);
	assert.equal(await readdir(folder), ["taken"]);
	assert.is(await readFile(join(path, "inside"), "utf8"), "kept");
});

test("many writers at once: one of them wins, whole", async ({ folder }) => {
	const path = join(folder, "file");
	const contents = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(10_000));
	await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
	assert.ok(contents.includes(await readFile(path, "utf8")));
	assert.equal(await readdir(folder), ["file"]);
});

test("reads a file if there is one, and does not hide other failures", async ({ folder }) => {
	await writeFile(join(folder, "file"), "x");
	assert.is((await readFileIfThere(join(folder, "file")))?.length, 1);
	assert.is(await readFileIfThere(join(folder, "none")), undefined);
	assert.is(await readFileIfThere(join(folder, "file", "none")), undefined);
	const error = await readFileIfThere(folder).catch((reason: unknown) => reason);
	assert.instance(error, Error);
});

test("the cache folder is the platform's, or the one that TESSERA_CACHE names", () => {
	const before = process.env.TESSERA_CACHE;
	try {
		delete process.env.TESSERA_CACHE;
		assert.ok(isAbsolute(cacheFolder()));
		assert.match(cacheFolder(), /tessera/);
		assert.not.match(cacheFolder(), /nodejs/);
		process.env.TESSERA_CACHE = "some/where";
		assert.is(cacheFolder(), resolve("some/where"));
	} finally {
		if (before === undefined) delete process.env.TESSERA_CACHE;
		else process.env.TESSERA_CACHE = before;
	}
});

test.run();
