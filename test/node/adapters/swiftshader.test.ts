import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { unpackSwiftShader } from "../../../src/node/adapters/swiftshader.js";

const test = suite<{ folder: string; cache: string | undefined }>("swiftshader");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-swiftshader-"));
	context.cache = process.env.TESSERA_CACHE;
	process.env.TESSERA_CACHE = context.folder;
});

test.after.each(async ({ folder, cache }) => {
	if (cache === undefined) delete process.env.TESSERA_CACHE;
	else process.env.TESSERA_CACHE = cache;
	await rm(folder, { recursive: true });
});

test("what is kept is used again, and what is damaged is unpacked again", async () => {
	const { manifest } = await unpackSwiftShader();
	const folder = dirname(manifest);
	const library = join(folder, "libvk_swiftshader.so");
	const bytes = await readFile(library);
	const { mtimeMs } = await stat(library);
	await unpackSwiftShader();
	assert.is((await stat(library)).mtimeMs, mtimeMs);
	const flipped = Uint8Array.from(bytes);
	flipped[bytes.length >> 1] ^= 1;
	const damages: (() => Promise<unknown>)[] = [
		() => truncate(library, bytes.length >> 1),
		() => writeFile(library, flipped),
		() => rm(library),
		() => rm(join(folder, "contents.json")),
		() => writeFile(join(folder, "contents.json"), "{"),
	];
	for (const damage of damages) {
		await damage();
		await unpackSwiftShader();
		assert.ok(bytes.equals(await readFile(library)));
		assert.is((await readdir(folder)).length, 4);
	}
});

test.run();
