// Runs the browser's test bundle and the page of the README in a headless Chromium, with WebGPU on SwiftShader.
//   node build/test/node/browser/run.js
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { chromium, type Page } from "playwright-core";
import { findChromium } from "./chromium.js";
import { checkExamplePage, checkReadmePage, readmePage } from "./readme_page.js";

/** How long the tests may take, in milliseconds. */
const patience = 15 * 60_000;

const flags = [
	"--no-sandbox",
	"--enable-unsafe-webgpu",
	"--use-webgpu-adapter=swiftshader",
	"--disable-background-networking",
];

const folder = resolve(dirname(fileURLToPath(import.meta.url)), "../../browser");

/** A file that is served, by the path of its URL: the test bundle, the README's page, and what that imports. */
async function fileAt(path: string): Promise<{ type: string; body: string | Buffer } | undefined> {
	if (path === "/") return { type: "text/html", body: await readFile(join(folder, "index.html")) };
	if (path === "/tests.js") return { type: "text/javascript", body: await readFile(join(folder, "tests.js")) };
	if (path === "/readme.html") return { type: "text/html", body: await readmePage() };
	if (path === "/examples/in_a_page.html") return { type: "text/html", body: await readFile(`.${path}`) };
	if (/^\/dist\/[\w/]+\.js$/.test(path)) return { type: "text/javascript", body: await readFile(`.${path}`) };
	return undefined;
}

/** Serves these files on a free port of the loopback address, which is a secure context. */
async function serve(): Promise<{ server: Server; address: string }> {
	const server = createServer(async (request, response) => {
		const file = await fileAt(request.url ?? "/").catch(() => undefined);
		if (file === undefined) return response.writeHead(404).end();
		response.writeHead(200, { "content-type": `${file.type}; charset=utf-8` });
		return response.end(file.body);
	});
	await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
	return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** Rejects when the page crashes, throws outside of a test, or the time is up. */
function trouble(page: Page): { happens: Promise<never>; forget: () => void } {
	let forget = () => {};
	const happens = new Promise<never>((_, reject) => {
		const timer = setTimeout(() => reject(new Error(`no end after ${patience / 60_000} minutes`)), patience);
		forget = () => clearTimeout(timer);
		page.on("crash", () => reject(new Error("the page crashed")));
		page.on("close", () => reject(new Error("the page was closed")));
		page.on("pageerror", (error) => reject(error));
		page.on("console", (message) => process.stderr.write(`[${message.type()}] ${message.text()}\n`));
	});
	happens.catch(() => {});
	return { happens, forget };
}

/** Prints text, without colours if the output is no terminal. */
function print(text: string): void {
	process.stdout.write(process.stdout.isTTY ? text : stripVTControlCharacters(text));
}

/** Opens the page, prints what its tests print as it comes, and says whether all is well. */
async function runTests(page: Page, address: string): Promise<boolean> {
	await page.goto(address);
	if (!(await page.evaluate(() => "tesseraTests" in globalThis))) throw new Error("the test bundle is empty or broken");
	for (let printed = 0; ; ) {
		const news = await page.evaluate((from) => {
			const { output, finished, succeeded } = globalThis.tesseraTests;
			return { text: output.slice(from), finished, succeeded };
		}, printed);
		print(news.text);
		printed += news.text.length;
		if (news.finished) return news.succeeded;
		await new Promise((later) => setTimeout(later, 250));
	}
}

const { path, environment } = await findChromium();
const { server, address } = await serve();
const browser = await chromium.launch({
	executablePath: path,
	args: flags,
	env: { ...process.env, ...environment },
});
process.exitCode = 1;
try {
	const page = await browser.newPage();
	const { happens, forget } = trouble(page);
	const all = async () => {
		const succeeded = await runTests(page, address);
		await checkReadmePage(page, `${address}readme.html`);
		console.log("The page of the README trains.");
		await checkExamplePage(page, `${address}examples/in_a_page.html`);
		console.log("examples/in_a_page.html trains.");
		return succeeded;
	};
	if (await Promise.race([all(), happens]).finally(forget)) process.exitCode = 0;
} catch (error) {
	console.log(`The tests did not come to their end: ${error instanceof Error ? error.message : error}`);
	console.log("0 passed, 1 failed");
} finally {
	await browser.close();
	server.close();
}
