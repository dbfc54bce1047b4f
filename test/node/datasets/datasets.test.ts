import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { createTar } from "nanotar";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, FormatError, LimitError, ShapeError, type TesseraError } from "../../../src/base/errors.js";
import type { ImageSet } from "../../../src/data/image_set.js";
import { loadCifar } from "../../../src/node/datasets/cifar.js";
import type { DatasetOptions } from "../../../src/node/datasets/dataset.js";
import { loadDataset } from "../../../src/node/datasets/datasets.js";
import type { ExpectedFile } from "../../../src/node/datasets/download.js";
import { loadPublished, type PublishedSet } from "../../../src/node/datasets/published_sets.js";
import { startServer } from "./server.js";

const test = suite<{ folder: string }>("datasets");
const environment = { ...process.env };

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-datasets-"));
	process.env.TESSERA_CACHE = join(context.folder, "cache");
	delete process.env.TESSERA_MIRRORS;
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
	for (const name of ["TESSERA_CACHE", "TESSERA_MIRRORS"]) {
		if (environment[name] === undefined) delete process.env[name];
		else process.env[name] = environment[name];
	}
});

const NAMES = {
	trainImages: "train-images-idx3-ubyte",
	trainLabels: "train-labels-idx1-ubyte",
	testImages: "t10k-images-idx3-ubyte",
	testLabels: "t10k-labels-idx1-ubyte",
};

function idx(shape: readonly number[], value: (i: number) => number): Buffer {
	const count = shape.reduce((product, size) => product * size, 1);
	const values = Array.from({ length: count }, (_, i) => value(i));
	return Buffer.from([0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, 0, size]), ...values]);
}

/** A tiny data set of IDX files: 30 and 5 images of 2 × 3. */
const TINY = {
	trainImages: idx([30, 2, 3], (i) => i),
	trainLabels: idx([30], (i) => i % 10),
	testImages: idx([5, 2, 3], (i) => 100 + i),
	testLabels: idx([5], (i) => i),
};

const packed = Object.fromEntries(Object.entries(TINY).map(([key, bytes]) => [key, gzipSync(bytes)]));
const fileOf = (key: string): ExpectedFile => ({
	bytes: packed[key].length,
	md5: createHash("md5").update(packed[key]).digest("hex"),
	sha256: createHash("sha256").update(packed[key]).digest("hex"),
});
const tiny = (mirrors: readonly string[]): PublishedSet => ({
	mirrors,
	files: {
		trainImages: fileOf("trainImages"),
		trainLabels: fileOf("trainLabels"),
		testImages: fileOf("testImages"),
		testLabels: fileOf("testLabels"),
	},
});

/** Serves the tiny data set under /good/ and /good/tiny/, and 500 for all else. */
const serve = () =>
	startServer((request, response) => {
		const match = /^\/good\/(?:tiny\/)?([^/]+)\.gz$/.exec(request.url ?? "");
		const key = Object.entries(NAMES).find(([, name]) => name === match?.[1])?.[0];
		if (key === undefined) response.writeHead(500).end();
		else response.end(packed[key]);
	});

async function failure(attempt: Promise<unknown>, type: typeof TesseraError): Promise<string> {
	const error = await attempt.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	assert.instance(error, type);
	return error instanceof Error ? error.message : "";
}

function checkTiny({ train, test: held }: { train: ImageSet; test: ImageSet }): void {
	assert.equal([train.count, train.channels, train.height, train.width], [30, 1, 2, 3]);
	assert.equal([held.count, held.channels, held.height, held.width], [5, 1, 2, 3]);
	assert.equal([...train.pixels.subarray(0, 7)], [0, 1, 2, 3, 4, 5, 6]);
	assert.equal([...held.pixels.subarray(0, 3)], [100, 101, 102]);
	assert.equal([...(held.labels ?? [])], [0, 1, 2, 3, 4]);
}

/** Writes a PNG whose every value is `value`, making its folder. */
async function writePng(path: string, value: number, channels = 1, width = 3, height = 2): Promise<void> {
	await mkdir(dirname(path), { recursive: true });
	const data = new Uint8Array(width * height * channels).fill(value);
	await writeFile(path, encode({ width, height, data, channels, depth: 8 }));
}

test("digits are generated, test digits apart from training digits", async () => {
	const { train, test: held } = await loadDataset("digits", { digits: { train: 40, test: 20, seed: 7 } });
	assert.equal([train.name, train.count, held.count], ["digits", 40, 20]);
	assert.not.equal(held.pixels, train.pixels.subarray(0, held.pixels.length));
	const again = await loadDataset("digits", { digits: { train: 20, test: 20, seed: 7 } });
	assert.equal(again.train.pixels, train.pixels.subarray(0, held.pixels.length));
	assert.equal(again.test.pixels, held.pixels);
	const other = await loadDataset("digits", { digits: { train: 20, test: 20, seed: 8 } });
	assert.not.equal(other.train.pixels, again.train.pixels);
});

test("a published set comes from its mirrors, is kept, and tells of its progress", async ({ folder }) => {
	const server = await serve();
	const progress: string[] = [];
	const options: DatasetOptions = {
		onProgress: (file, received, total) => progress.push(`${file} ${received} ${total}`),
	};
	const published = tiny([`${server.url}/bad/`, `${server.url}/good/`]);
	checkTiny(await loadPublished("tiny", published, options));
	const files = Object.values(NAMES).map((name) => `${name}.gz`);
	assert.equal(
		server.requests,
		files.flatMap((file) => [`/bad/${file}`, `/good/${file}`]),
	);
	assert.equal((await readdir(join(folder, "cache", "datasets", "tiny"))).sort(), files.toSorted());
	const { length } = packed.trainImages;
	assert.ok(progress.includes(`${NAMES.trainImages}.gz ${length} ${length}`), progress.join("\n"));
	await server.close();
	checkTiny(await loadPublished("tiny", published, {}));
});

test("a damaged file in the cache is fetched again, that one alone", async ({ folder }) => {
	const server = await serve();
	const published = tiny([`${server.url}/good/`]);
	await loadPublished("tiny", published, {});
	await writeFile(join(folder, "cache", "datasets", "tiny", `${NAMES.testLabels}.gz`), packed.testImages);
	checkTiny(await loadPublished("tiny", published, {}));
	assert.equal(server.requests.slice(4), [`/good/${NAMES.testLabels}.gz`]);
	await server.close();
});

test("mirrors are overridden by the option, or by the environment", async ({ folder }) => {
	const server = await serve();
	const published = tiny([`${server.url}/never/`]);
	checkTiny(await loadPublished("tiny", published, { mirrors: [`${server.url}/good`] }));
	await rm(join(folder, "cache"), { recursive: true });
	process.env.TESSERA_MIRRORS = ` ${server.url}/bad, ${server.url}/good/ ,`;
	checkTiny(await loadPublished("tiny", published, {}));
	assert.ok(server.requests.every((path) => !path.startsWith("/never")));
	await server.close();
});

test("mnist and fashion-mnist: when every mirror fails, all are named, and a place for the file", async ({
	folder,
}) => {
	const server = await serve();
	for (const name of ["mnist", "fashion-mnist"]) {
		const mirrors = [`${server.url}/bad`, `${server.url}/good`];
		const message = await failure(loadDataset(name, { mirrors, retryPause: 1 }), DataError);
		assert.match(message, `${server.url}/bad/${name}/${NAMES.trainImages}.gz: HTTP status 500`);
		assert.match(message, `${server.url}/good/${name}/${NAMES.trainImages}.gz: HTTP status 500`);
		assert.match(message, join(folder, "cache", "datasets", name, `${NAMES.trainImages}.gz`));
	}
	await server.close();
});

test("a wrong file under the right name is refused by its size or its sum", async () => {
	const wrong = Buffer.alloc(9_912_422);
	let answer = packed.trainImages;
	const server = await startServer((_, response) => response.end(answer));
	const load = () => failure(loadDataset("mnist", { mirrors: [server.url], retryPause: 1 }), DataError);
	assert.match(await load(), `it has ${answer.length} bytes instead of 9912422`);
	answer = wrong;
	const message = await load();
	assert.match(message, "wrong MD5 sum");
	assert.match(message, "instead of f68b3c2dcbeaaa9fbdd348bbdeb94873");
	await server.close();
});

test("published sets are fetched by HTTPS alone", async () => {
	const asked: string[] = [];
	const before = globalThis.fetch;
	globalThis.fetch = async (address) => {
		asked.push(String(address));
		return new Response("", { status: 404 });
	};
	try {
		for (const name of ["mnist", "fashion-mnist"]) await failure(loadDataset(name), DataError);
	} finally {
		globalThis.fetch = before;
	}
	assert.is(asked.length, 4);
	for (const address of asked) assert.match(address, /^https:\/\/.*\/train-images-idx3-ubyte\.gz$/);
});

test("a folder of IDX files, raw or packed", async ({ folder }) => {
	for (const [extension, files] of [
		["", TINY],
		[".gz", packed],
	] as const) {
		const path = join(folder, `idx${extension}`);
		await mkdir(path);
		for (const [key, name] of Object.entries(NAMES)) {
			await writeFile(join(path, name + extension), files[key as keyof typeof files]);
		}
		checkTiny(await loadDataset(path));
	}
});

test("IDX files without labels, and without a test part: a tenth is held out, always the same", async ({ folder }) => {
	await writeFile(join(folder, NAMES.trainImages), TINY.trainImages);
	const { train, test: held } = await loadDataset(folder);
	assert.equal([train.count, held.count], [27, 3]);
	assert.not.ok("labels" in train);
	const again = await loadDataset(folder);
	assert.equal(again, { train, test: held });
	// Each image is in one of the two; the first value of image i is 6 i.
	const firsts = [train, held].flatMap((set) => Array.from({ length: set.count }, (_, i) => set.pixels[i * 6]));
	assert.equal(
		firsts.toSorted((a, b) => a - b),
		Array.from({ length: 30 }, (_, i) => i * 6),
	);
});

test("a corrupt IDX file is a FormatError", async ({ folder }) => {
	await writeFile(join(folder, NAMES.trainImages), TINY.trainImages.subarray(0, 50));
	assert.match(await failure(loadDataset(folder), FormatError), /images: truncated IDX/);
});

test("a folder of images, in the order of their names", async ({ folder }) => {
	for (let i = 0; i < 20; i++) await writePng(join(folder, `image${String(i).padStart(2, "0")}.png`), i);
	await writeFile(join(folder, "notes.txt"), "not an image");
	await writeFile(join(folder, ".hidden.png"), "not an image");
	const { train, test: held } = await loadDataset(folder);
	assert.equal([train.count, train.channels, train.height, train.width], [18, 1, 2, 3]);
	assert.not.ok("labels" in train);
	const firsts = Array.from({ length: 18 }, (_, i) => train.pixels[i * 6]);
	assert.equal(
		firsts,
		firsts.toSorted((a, b) => a - b),
	);
	assert.is(new Set([...train.pixels, ...held.pixels]).size, 20);
});

test("a folder of classes gives labels", async ({ folder }) => {
	for (const [label, name] of ["ant", "bee", "cat"].entries()) {
		for (let i = 0; i < 4; i++) await writePng(join(folder, name, `${i}.PNG`), 10 * label + i);
	}
	await mkdir(join(folder, "empty"));
	const { train, test: held } = await loadDataset(folder);
	assert.equal([train.count, held.count], [11, 1]);
	for (const set of [train, held]) {
		for (let i = 0; i < set.count; i++) assert.is(set.labels?.[i], Math.floor(set.pixels[i * 6] / 10));
	}
});

test("class folders that are links are followed, and links that lead nowhere named", async ({ folder }) => {
	const data = join(folder, "data");
	for (const name of ["ant", "bee"]) await writePng(join(folder, name, "0.png"), name.length);
	await mkdir(data);
	await symlink(join(folder, "ant"), join(data, "a"));
	await symlink(join("..", "bee"), join(data, "b"));
	const { train, test: held } = await loadDataset(data);
	assert.equal([...(train.labels ?? []), ...(held.labels ?? [])].sort(), [0, 1]);
	await symlink(data, join(folder, "link"));
	assert.is((await loadDataset(join(folder, "link"))).train.count, 1);
	for (const [name, target] of [
		["circle", "circle"],
		["nowhere", "none"],
	]) {
		const link = join(data, name);
		await symlink(target, link);
		assert.match(await failure(loadDataset(data), DataError), link);
		assert.match(await failure(loadDataset(link), DataError), link);
		await rm(link);
	}
});

test("what is no file under the name of one is named: folders, fifos, links in a cycle", async ({ folder }) => {
	const make: readonly [kind: RegExp, make: (path: string) => unknown][] = [
		[/a folder/, (path) => mkdir(path)],
		[/a fifo/, (path) => execFileSync("mkfifo", [path])],
		[/form a cycle \(ELOOP\)/, (path) => symlink(path, path)],
		[/link to a missing file \(ENOENT\)/, (path) => symlink(join(folder, "none"), path)],
	];
	for (const [i, [kind, makeAt]] of make.entries()) {
		for (const name of [NAMES.trainImages, `${NAMES.trainImages}.gz`, "0.png", "train"]) {
			const data = join(folder, String(i), name.replace(".", ""));
			await mkdir(data, { recursive: true });
			if (i < 2 && name === "train") continue;
			if (i === 0 && name === "0.png") continue;
			await makeAt(join(data, name));
			const message = await failure(loadDataset(data), DataError);
			assert.match(message, join(data, name));
			assert.match(message, kind, name);
		}
	}
});

test("images that no device could bind together are refused after the first", async ({ folder }) => {
	await writePng(join(folder, "000.png"), 0, 1, 3000, 3000);
	for (let i = 1; i < 240; i++) await writeFile(join(folder, `${i}.png`), "never read");
	assert.match(await failure(loadDataset(folder), LimitError), /240 images.*2160000000 values.*2147483648/);
});

test("train/ and test/ share their classes' labels", async ({ folder }) => {
	await writePng(join(folder, "train", "b", "x.png"), 1);
	await writePng(join(folder, "train", "c", "x.png"), 2);
	await writePng(join(folder, "test", "a", "x.png"), 0);
	await writePng(join(folder, "test", "c", "x.png"), 2);
	const { train, test: held } = await loadDataset(folder);
	assert.equal([...(train.labels ?? [])], [1, 2]);
	assert.equal([...(held.labels ?? [])], [0, 2]);
	await rm(join(folder, "test"), { recursive: true });
	const alone = await loadDataset(folder);
	assert.equal([alone.train.count, alone.test.count], [1, 1]);
});

test("val/ is held out if there is no test/, and every file that is read is told of", async ({ folder }) => {
	await writePng(join(folder, "train", "a.png"), 1);
	await writePng(join(folder, "train", "b.png"), 2);
	await writePng(join(folder, "val", "c.png"), 3);
	const told: [string, number, number][] = [];
	const onRead = (path: string, done: number, total: number) => told.push([basename(path), done, total]);
	const { train, test: held } = await loadDataset(folder, { onRead });
	assert.equal([train.count, held.count, held.pixels[0]], [2, 1, 3]);
	assert.equal(told, [
		["train", 1, 2],
		["train", 2, 2],
		["val", 1, 1],
	]);
	await writePng(join(folder, "test", "d.png"), 4);
	assert.is((await loadDataset(folder)).test.pixels[0], 4);
});

test("grey images next to coloured ones become RGB", async ({ folder }) => {
	await writePng(join(folder, "train", "grey.png"), 7);
	await writePng(join(folder, "train", "rgb.png"), 9, 3);
	await writePng(join(folder, "test", "rgb.png"), 8, 3);
	const { train } = await loadDataset(folder);
	assert.is(train.channels, 3);
	assert.equal([...train.pixels], [...new Array(18).fill(7), ...new Array(18).fill(9)]);
});

test("images of differing sizes are refused, the first two named with their sizes", async ({ folder }) => {
	await writePng(join(folder, "a.png"), 1);
	await writePng(join(folder, "b.png"), 1);
	await writePng(join(folder, "c.png"), 1, 1, 5, 4);
	await writePng(join(folder, "d.png"), 1, 1, 9, 9);
	const message = await failure(loadDataset(folder), ShapeError);
	assert.match(message, `"${join(folder, "a.png")}" is 3 × 2`);
	assert.match(message, `"${join(folder, "c.png")}" is 5 × 4`);
	assert.not.match(message, "d.png");
});

test("training and test images of differing shapes are refused", async ({ folder }) => {
	await writePng(join(folder, "train", "a.png"), 1);
	await writePng(join(folder, "test", "a.png"), 1, 3);
	assert.match(await failure(loadDataset(folder), ShapeError), /3 × 2 with 1 channel, .*3 × 2 with 3 channels/);
});

test("folders that hold nothing usable are refused", async ({ folder }) => {
	assert.match(await failure(loadDataset(folder), DataError), /contains no images/);
	await mkdir(join(folder, "train", "class"), { recursive: true });
	assert.match(await failure(loadDataset(folder), DataError), /train" contains no images/);
	assert.match(await failure(loadDataset(join(folder, "none")), DataError), /"digits", "mnist", "fashion-mnist"/);
	await writeFile(join(folder, "file"), "x");
	assert.match(await failure(loadDataset(join(folder, "file")), DataError), /nor a folder/);
});

test("one image alone and damaged images are refused; images next to folders have no classes", async ({ folder }) => {
	await writePng(join(folder, "one.png"), 1);
	assert.match(await failure(loadDataset(folder), DataError), /has 1 image, but at least 2 are needed/);
	await writePng(join(folder, "class", "deep", "two.png"), 2);
	const { train, test: held, classes } = await loadDataset(folder);
	assert.equal([train.labels, held.labels, classes], [undefined, undefined, undefined]);
	assert.equal([...train.pixels, ...held.pixels].sort(), [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
	await writeFile(join(folder, "photo.jpg"), Uint8Array.of(0xff, 0xd8, 0xff, 0xe0));
	assert.match(await failure(loadDataset(folder), FormatError), /photo\.jpg" is a corrupt JPEG file/);
	await rm(join(folder, "photo.jpg"));
	await writeFile(join(folder, "photo.bmp"), "BM");
	assert.match(await failure(loadDataset(folder), FormatError), /photo\.bmp" is a BMP file; PNG, JPEG/);
});

/** Records of CIFAR-10's binary version: image i has this label, and pixels i, i + 1, i + 2 in its planes. */
function cifarRecords(first: number, count: number): Buffer {
	return Buffer.concat(
		Array.from({ length: count }, (_, i) =>
			Buffer.concat([
				Buffer.of((first + i) % 10),
				...[0, 1, 2].map((channel) => Buffer.alloc(32 * 32, first + i + channel)),
			]),
		),
	);
}

const cifarFiles = [
	...[1, 2, 3, 4, 5].map((i) => [`data_batch_${i}.bin`, cifarRecords(2 * i, 2)] as const),
	["test_batch.bin", cifarRecords(50, 3)] as const,
	["batches.meta.txt", Buffer.from("a b c d e f g h i j\n\n")] as const,
];

function checkCifar({ train, test: held, classes }: Awaited<ReturnType<typeof loadDataset>>): void {
	assert.equal([train.count, held.count, train.channels, train.height, train.width], [10, 3, 3, 32, 32]);
	assert.equal([...(train.labels ?? [])], [2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
	const values = [0, 1, 2].map((channel) => train.pixels[(3 * 3 + channel) * 1024 + 5]);
	assert.equal(values, [5, 6, 7]);
	assert.equal(classes, [..."abcdefghij"]);
}

test("CIFAR-10's binary version in a folder, and what is wrong with it", async ({ folder }) => {
	for (const [name, bytes] of cifarFiles) await writeFile(join(folder, name), bytes);
	checkCifar(await loadDataset(folder));
	await writeFile(join(folder, "data_batch_2.bin"), cifarRecords(0, 2).subarray(0, 4000));
	assert.match(await failure(loadDataset(folder), FormatError), /data_batch_2\.bin" has 4000 bytes/);
	await rm(join(folder, "data_batch_2.bin"));
	assert.match(await failure(loadDataset(folder), FormatError), /has no data_batch_2\.bin/);
	const wrong = cifarRecords(0, 2);
	wrong[3073] = 10;
	await writeFile(join(folder, "data_batch_2.bin"), wrong);
	assert.match(await failure(loadDataset(folder), FormatError), /label of image 1 is 10/);
});

test("cifar-10 is downloaded as an archive, checked and unpacked", async ({ folder }) => {
	const archive = gzipSync(
		createTar(cifarFiles.map(([name, data]) => ({ name: `cifar-10-batches-bin/${name}`, data }))),
	);
	const file = {
		bytes: archive.length,
		md5: createHash("md5").update(archive).digest("hex"),
		sha256: createHash("sha256").update(archive).digest("hex"),
	};
	const server = await startServer((_, response) => response.end(archive));
	const mirrors = [server.url];
	try {
		checkCifar(await loadCifar({ mirrors }, { name: "archive.tar.gz", file, mirrors }));
	} finally {
		server.close();
	}
	checkCifar(await loadCifar({ mirrors }, { name: "archive.tar.gz", file, mirrors })); // from the cache
	const path = join(folder, "cache", "datasets", "cifar-10", "archive.tar.gz");
	const broken = gzipSync("not a tar archive");
	const sums = {
		md5: createHash("md5").update(broken).digest("hex"),
		sha256: createHash("sha256").update(broken).digest("hex"),
	};
	await writeFile(path, broken);
	const found = { name: "archive.tar.gz", file: { bytes: broken.length, ...sums }, mirrors };
	assert.match(await failure(loadCifar({ mirrors }, found), FormatError), path);
});

test.run();
