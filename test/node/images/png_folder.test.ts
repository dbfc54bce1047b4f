import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, normalize, sep } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError } from "../../../src/base/errors.js";
import { PngFolder, pngName } from "../../../src/node/images/png_folder.js";
import { readImage } from "../../../src/node/images/read_image.js";

const test = suite("folders of PNG files");
const image = { channels: 1, height: 1, width: 2, pixels: Uint8Array.of(7, 200) } as const;

test("no name leads out of the folder, or is one that a file system refuses", () => {
	const part = fc.oneof(fc.constantFrom("..", ".", "", "/", "\\", "C:", "~", "a\0b", "..."), fc.string());
	fc.assert(
		fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom("/", "\\"), (parts, separator) => {
			const path = pngName(parts.join(separator));
			assert.not.ok(isAbsolute(path), path);
			assert.is(normalize(path), path);
			assert.not.ok(path.split(sep).includes(".."), path);
			assert.not.match(path, "\0");
			assert.ok(path.endsWith(".png"));
		}),
	);
	assert.is(pngName("../../a.b/c.JPEG"), join("a.b", "c.png"));
});

test("names that become equal get numbers, pixels become squares, and files that exist are kept", async () => {
	const path = await mkdtemp(join(tmpdir(), "tessera-png-"));
	try {
		const folder = new PngFolder(path, false);
		for (const name of ["a.jpg", "a.png", "A.webp", "b/a.jpg"]) await folder.write(name, image, 2);
		assert.equal((await readdir(path, { recursive: true })).sort(), [
			"A-3.png",
			"a-2.png",
			"a.png",
			"b",
			join("b", "a.png"),
		]);
		const { height, width, pixels } = await readImage(join(path, "a.png"));
		assert.equal([height, width, ...pixels], [2, 4, 7, 7, 200, 200, 7, 7, 200, 200]);
		const error = await new PngFolder(path, false).write("a.gif", image).catch((reason: unknown) => reason);
		assert.ok(error instanceof DataError);
		assert.match(error.message, /a\.png" exists: choose another folder, or give --overwrite/);
		await new PngFolder(path, true).write("a.gif", image);
		assert.is((await readImage(join(path, "a.png"))).width, 2);
	} finally {
		await rm(path, { recursive: true });
	}
});

test.run();
