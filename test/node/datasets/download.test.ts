import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError } from "../../../src/base/errors.js";
import { cachedDownload, download, type ExpectedFile } from "../../../src/node/datasets/download.js";
import { startServer, type TestServer } from "./server.js";

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
const sumOf = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest("hex");
const expected: ExpectedFile = {
	bytes: content.length,
	md5: sumOf("md5", content),
	sha256: sumOf("sha256", content),
};
/** For tests in which addresses fail. */
const soon = { retryPause: 1 };

/** What the server does with each path; anything else is answered by 404. */
const answers: Record<string, RequestListener> = {
	"/whole": (_, response) => response.write(content, () => response.end()),
	"/sized": (_, response) => response.writeHead(200, { "content-length": content.length }).end(content),
	"/moved": (_, response) => response.writeHead(302, { location: "/sized" }).end(),
	"/broken": (_, response) => response.writeHead(500).end("sorry"),
	// Neither announces its size.
	"/short": (_, response) => response.write(content.subarray(0, 50_000), () => response.end()),
	"/endless": (request, response) => {
		const more = () => {
			while (!request.destroyed && response.write(content));
		};
		response.on("drain", more);
		more();
	},
	"/trickle": (_, response) => {
		response.writeHead(200, { "content-length": content.length });
		const timer = setInterval(() => response.write("drop"), 20);
		response.on("close", () => clearInterval(timer));
	},
	"/busy": (_, response) => response.writeHead(429).end(),
	"/damaged": (_, response) => response.end(content.toReversed()),
	"/other": (_, response) => response.end("<html>Please log in</html>"),
	"/cut": (_, response) => {
		response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 50_000), () => {
			response.destroy();
		});
	},
	"/silent": () => {},
	"/stalled": (_, response) => {
		response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 50_000));
	},
	// Slower in all than the time allowed for one pause.
	"/slow": (_, response) => {
		response.writeHead(200, { "content-length": content.length });
		for (let part = 0; part < 5; part++) {
			setTimeout(() => response.write(content.subarray(part * 20_000, (part + 1) * 20_000)), part * 80);
		}
	},
};

const test = suite<{ server: TestServer; folder: string; path: string }>("download");

test.before.each(async (context) => {
	context.server = await startServer((request, response) => {
		const answer = answers[request.url ?? ""];
		if (answer === undefined) response.writeHead(404).end();
		else answer(request, response);
	});
	context.folder = await mkdtemp(join(tmpdir(), "tessera-download-"));
	context.path = join(context.folder, "kept", "file.gz");
});

test.after.each(async ({ server, folder }) => {
	await server.close();
	await rm(folder, { recursive: true });
});

async function failure(attempt: Promise<unknown>): Promise<string> {
	const error = await attempt.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	assert.instance(error, DataError);
	return error instanceof Error ? error.message : "";
}

test("fetches bytes, with and without a length, and follows a redirection", async ({ server }) => {
	for (const path of ["/whole", "/sized", "/moved"]) {
		assert.ok(content.equals(await download(server.url + path)), path);
	}
});

test("tells of the progress", async ({ server }) => {
	const calls: [number, number | undefined][] = [];
	await download(`${server.url}/sized`, { onProgress: (received, total) => calls.push([received, total]) });
	assert.equal(calls.at(-1), [content.length, content.length]);
	assert.ok(calls.every(([received, total], i) => total === content.length && (i === 0 || received > calls[i - 1][0])));
	await download(`${server.url}/whole`, { onProgress: (received, total) => calls.push([received, total]) });
	assert.equal(calls.at(-1), [content.length, undefined]);
});

test("a status other than 2xx is an error", async ({ server }) => {
	assert.is(await failure(download(`${server.url}/broken`)), "HTTP status 500 Internal Server Error");
	assert.is(await failure(download(`${server.url}/none`)), "HTTP status 404 Not Found");
});

test("no server is an error that says so", async ({ server }) => {
	const { url } = server;
	await server.close();
	assert.match(await failure(download(`${url}/whole`)), /ECONNREFUSED/);
	assert.match(await failure(download("http://")), /URL/);
});

test("a body cut short is an error", async ({ server }) => {
	assert.ok((await failure(download(`${server.url}/cut`))).length > 0);
});

test("stops at the known or announced size", async ({ server }) => {
	const { bytes } = expected;
	assert.is(
		await failure(download(`${server.url}/endless`, { bytes })),
		`it has more than the expected ${bytes} bytes`,
	);
	assert.is(await failure(download(`${server.url}/short`, { bytes })), `it ended after 50000 of ${bytes} bytes`);
	assert.is(await failure(download(`${server.url}/sized`, { bytes: 7 })), `it has ${bytes} bytes instead of 7`);
	assert.match(await failure(download(`${server.url}/sized`, { bytes: 2 ** 31 })), /instead of/);
});

test("gives up on a server that is too slow in all", async ({ server }) => {
	const started = Date.now();
	const limits = { totalTimeout: 200, stallTimeout: 150 };
	assert.is(await failure(download(`${server.url}/trickle`, limits)), "not complete after 0.2 s");
	assert.ok(Date.now() - started < 5000);
});

test("gives up on a server that never answers, or stops halfway", async ({ server }) => {
	const started = Date.now();
	assert.is(await failure(download(`${server.url}/silent`, { connectTimeout: 150 })), "no answer for 0.15 s");
	assert.is(await failure(download(`${server.url}/stalled`, { stallTimeout: 150 })), "no progress for 0.15 s");
	assert.ok(Date.now() - started < 5000);
});

test("a slow server is waited for as long as something comes", async ({ server }) => {
	const bytes = await download(`${server.url}/slow`, { stallTimeout: 250 });
	assert.ok(content.equals(bytes));
});

test("keeps what it fetched, and then needs no server", async ({ server, path }) => {
	assert.ok(content.equals(await cachedDownload(path, expected, [`${server.url}/sized`])));
	assert.ok(content.equals(await readFile(path)));
	assert.ok(content.equals(await cachedDownload(path, expected, [`${server.url}/sized`])));
	assert.equal(server.requests, ["/sized"]);
	await server.close();
	assert.ok(content.equals(await cachedDownload(path, expected, [`${server.url}/sized`])));
	assert.equal(await readdir(join(path, "..")), ["file.gz"]);
});

test("tries the next mirror after each kind of failure", async ({ server, path }) => {
	for (const first of ["/broken", "/none", "/other", "/damaged", "/cut", "/short", "/endless", "/silent", "/stalled"]) {
		const urls = [first, "/sized"].map((name) => server.url + name);
		const bytes = await cachedDownload(path, expected, urls, { connectTimeout: 150, stallTimeout: 150 });
		assert.ok(content.equals(bytes), first);
		assert.equal(server.requests.slice(-2), [first, "/sized"]);
		await rm(path);
	}
});

test("tries each address again, but not after a refusal", async ({ server, path }) => {
	const urls = ["/broken", "/none", "/busy"].map((name) => server.url + name);
	const message = await failure(cachedDownload(path, expected, urls, soon));
	assert.equal(server.requests, ["/broken", "/none", "/busy", "/broken", "/busy", "/broken", "/busy"]);
	assert.match(message, `${urls[0]}: HTTP status 500 Internal Server Error (tried 3 times)\n`);
	assert.match(message, `${urls[1]}: HTTP status 404 Not Found\n`);
	let failing = 2;
	answers["/flaky"] = (request, response) => answers[failing-- > 0 ? "/broken" : "/sized"](request, response);
	assert.ok(content.equals(await cachedDownload(path, expected, [`${server.url}/flaky`], soon)));
});

test("a right MD5 sum alone is not enough", async ({ server, path }) => {
	const other = { ...expected, sha256: expected.md5 };
	const message = await failure(cachedDownload(path, other, [`${server.url}/sized`], soon));
	assert.match(message, `wrong SHA-256 sum, ${expected.sha256} instead of ${expected.md5}`);
});

test("asks no further mirror than it needs", async ({ server, path }) => {
	await cachedDownload(path, expected, [`${server.url}/sized`, `${server.url}/whole`]);
	assert.equal(server.requests, ["/sized"]);
});

test("fetches a kept file again when it is corrupt or cut short", async ({ server, path }) => {
	await cachedDownload(path, expected, [`${server.url}/sized`]);
	const corrupt = Buffer.from(content);
	corrupt[5000] ^= 1;
	for (const damaged of [corrupt, content.subarray(0, 999), Buffer.alloc(0)]) {
		await writeFile(path, damaged);
		assert.ok(content.equals(await cachedDownload(path, expected, [`${server.url}/whole`])));
		assert.ok(content.equals(await readFile(path)));
	}
	assert.equal(server.requests, ["/sized", "/whole", "/whole", "/whole"]);
});

test("when all fail, says what was tried, why it failed, and where to put the file", async ({ server, path }) => {
	const urls = ["/none", "/damaged", "/stalled", "/other"].map((name) => server.url + name);
	const message = await failure(cachedDownload(path, expected, urls, { ...soon, stallTimeout: 100 }));
	const lines = message.split("\n");
	assert.is(lines[0], '"file.gz" could not be downloaded:');
	assert.is(lines[1], `  ${urls[0]}: HTTP status 404 Not Found`);
	assert.match(lines[2], `${urls[1]}: wrong MD5 sum`);
	assert.match(lines[2], `instead of ${expected.md5} (tried 3 times)`);
	assert.is(lines[3], `  ${urls[2]}: no progress for 0.1 s (tried 3 times)`);
	assert.is(lines[4], `  ${urls[3]}: it has 26 bytes instead of ${content.length}`);
	assert.match(lines[5], `Put it at "${path}" by hand`);
	assert.equal(await readdir(join(path, "..", "..")), []);
});

test("a bad download does not replace what was kept", async ({ server, path }) => {
	await cachedDownload(path, expected, [`${server.url}/sized`]);
	await writeFile(path, "damaged");
	await failure(cachedDownload(path, expected, [`${server.url}/other`]));
	assert.is(await readFile(path, "utf8"), "damaged");
});

test("says so when the file cannot be kept", async ({ server, folder }) => {
	await writeFile(join(folder, "file"), "in the way");
	const error = await cachedDownload(join(folder, "file", "data.gz"), expected, [`${server.url}/sized`]).catch(
		(reason: unknown) => reason,
	);
	assert.instance(error, DataError);
	assert.match(String(error), /data\.gz/);
	assert.match(String(error), /TESSERA_CACHE/);
});

test("several at once all get the whole file", async ({ server, path }) => {
	const all = await Promise.all(
		Array.from({ length: 8 }, () => cachedDownload(path, expected, [`${server.url}/slow`])),
	);
	assert.ok(all.every((bytes) => content.equals(bytes)));
	assert.ok(content.equals(await readFile(path)));
	assert.equal(await readdir(join(path, "..")), ["file.gz"]);
});

test("a failing progress callback is not mistaken for a failing mirror", async ({ server, path }) => {
	const onProgress = (): void => {
		throw new RangeError("from the caller");
	};
	const attempt = cachedDownload(path, expected, [`${server.url}/sized`, `${server.url}/whole`], { onProgress });
	const error = await attempt.catch((reason: unknown) => reason);
	assert.instance(error, RangeError);
	assert.equal(server.requests, ["/sized"]);
});

test.run();
