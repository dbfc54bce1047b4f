import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDevice, scale } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { choiceFile } from "../../../src/node/adapters/choice_file.js";

const test = suite("the file of choices between kernels");

const adapter = {
	vendor: "maker",
	architecture: "",
	device: "0x12/3",
	description: "driver 4.5 (x)",
	software: true,
	subgroupMinSize: 8,
	subgroupMaxSize: 8,
};

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
	const before = process.env.TESSERA_CACHE;
	const folder = await mkdtemp(join(tmpdir(), "tessera-"));
	process.env.TESSERA_CACHE = folder;
	try {
		await body(folder);
	} finally {
		if (before === undefined) delete process.env.TESSERA_CACHE;
		else process.env.TESSERA_CACHE = before;
		await rm(folder, { recursive: true });
	}
}

test("one file for each adapter in the cache folder", () =>
	inFolder(async (folder) => {
		const store = choiceFile(adapter);
		assert.is(await store.read(), undefined);
		await store.write("text");
		assert.equal(await readdir(folder), ["kernels-maker-0x12-3-driver-4.5-x-.json"]);
		assert.is(await choiceFile({ ...adapter }).read(), "text");
		assert.is(await choiceFile({ ...adapter, description: "driver 4.6 (x)" }).read(), undefined);
	}));

test("a folder that cannot be read or written is no error", () =>
	inFolder(async (folder) => {
		const file = join(folder, "file");
		await writeFile(file, "");
		process.env.TESSERA_CACHE = join(file, "below");
		const store = choiceFile(adapter);
		await store.write("text");
		assert.is(await store.read(), undefined);
		process.env.TESSERA_CACHE = folder;
	}));

test("openDevice({ tune: true }) keeps what prepare measured there", () =>
	inFolder(async (folder) => {
		const gpu = await openDevice({ tune: true, announce: false });
		const x = gpu.tensor([1, 2], [2]);
		await gpu.prepare(() =>
			gpu.chooseVariant("scale [2]", ["portable", "blocked"], (variant) => scale(x, variant === "portable" ? 2 : 3)),
		);
		gpu.dispose();
		const [file] = await readdir(folder);
		const measured = JSON.parse(await readFile(join(folder, file as string), "utf8"));
		assert.equal(Object.keys(measured), ["scale [2]"]);
		assert.equal(Object.keys(measured["scale [2]"]), ["portable", "blocked"]);
		assert.ok(measured["scale [2]"].portable > 0);
	}));

test.run();
