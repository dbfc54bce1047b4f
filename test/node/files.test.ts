import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError } from "../../src/base/errors.js";
import {
	cacheFolder,
	fileError,
	makeFolder,
	readFileIfThere,
	readRegularFile,
	writeFileAtomic,
} from "../../src/node/files.js";

const test = suite<{ folder: string }>("files");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-files-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

test("writes bytes and text, replaces what was there, and leaves no other file", async ({ folder }) => {
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

if (process.platform === "linux")
	test("a folder that its file system does not take is one error at once", async ({ folder }) => {
		for (const path of ["/proc/tessera", "/proc/tessera/a/b"]) {
			const error = await makeFolder(path).catch((reason: unknown) => reason);
			assert.instance(error, DataError);
			assert.match(
				String(error),
				'"/proc/tessera" could not be made: its file system does not allow new folders there',
			);
		}
		const written = await writeFileAtomic("/proc/tessera/file", "x").catch((reason: unknown) => reason);
		assert.instance(written, DataError);
		assert.match(
			String(written),
			'"/proc/tessera/file" could not be written: the folder "/proc/tessera" could not be made',
		);
		await symlink(join(folder, "nowhere"), join(folder, "link"));
		const error = await makeFolder(join(folder, "link", "a")).catch((reason: unknown) => reason);
		assert.instance(error, DataError);
		assert.match(String(error), "something else has that name");
		await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(folder, "a", "b", "c"))));
		assert.equal(await readdir(join(folder, "a", "b")), ["c"]);
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
	assert.instance(error, DataError);
	await symlink("none", join(folder, "link"));
	const dangling = await readFileIfThere(join(folder, "link")).catch((reason: unknown) => reason);
	assert.instance(dangling, DataError);
	assert.match(String(dangling), join(folder, "link"));
});

test("reads files and links to files, and names what else there may be", async ({ folder }) => {
	const at = (name: string) => join(folder, name);
	await writeFile(at("file"), "x");
	await symlink("file", at("link"));
	assert.equal([...(await readRegularFile(at("link")))], [120]);
	execFileSync("mkfifo", [at("fifo")]);
	await symlink("fifo", at("link to a fifo"));
	await symlink("circle", at("circle"));
	await symlink("none", at("nowhere"));
	const server = createServer();
	await new Promise<void>((done) => server.listen(at("socket"), done));
	const start = performance.now();
	for (const [name, pattern] of [
		["", /is a folder/],
		["fifo", /is a fifo/],
		["link to a fifo", /is a fifo/],
		["socket", /is a socket/],
		["circle", /ELOOP/],
		["nowhere", /ENOENT/],
		["none", /ENOENT/],
		["file/none", /ENOTDIR/],
	] as const) {
		const path = name === "" ? folder : at(name);
		const error = await readRegularFile(path).catch((reason: unknown) => reason);
		assert.instance(error, DataError, name);
		assert.match(String(error), `"${path}"`);
		assert.match(String(error), pattern);
	}
	const device = await readRegularFile("/dev/zero").catch((reason: unknown) => reason);
	assert.match(String(device), /\/dev\/zero" is a device/);
	assert.ok(performance.now() - start < 2000);
	await new Promise((done) => server.close(done));
});

test("a failed write names the file and what to do", async ({ folder }) => {
	await writeFile(join(folder, "file"), "x");
	const path = join(folder, "file", "inside");
	const error = await writeFileAtomic(path, "x").catch((reason: unknown) => reason);
	assert.instance(error, DataError);
	assert.match(String(error), `"${path}" could not be written`);
	const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
	assert.match(
		String(fileError("/runs/a", full, "written")),
		/"\/runs\/a" could not be written: the disk is full; free some/,
	);
});

test("flushes the file before it is renamed, and its folder after", async ({ folder }) => {
	const handle = await fs.promises.open(folder, "r");
	const prototype = Object.getPrototypeOf(handle) as { sync: () => Promise<void> };
	await handle.close();
	const { sync } = prototype;
	const { rename } = fs.promises;
	const calls: string[] = [];
	prototype.sync = function () {
		calls.push("sync");
		return sync.call(this);
	};
	fs.promises.rename = async (from, to) => {
		calls.push("rename");
		await rename(from, to);
	};
	syncBuiltinESMExports();
	try {
		await writeFileAtomic(join(folder, "file"), "x");
	} finally {
		prototype.sync = sync;
		fs.promises.rename = rename;
		syncBuiltinESMExports();
	}
	assert.equal(calls, ["sync", "rename", "sync"]);
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
