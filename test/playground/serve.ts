import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".json": "application/json",
	".webmanifest": "application/manifest+json",
	".svg": "image/svg+xml",
	".png": "image/png",
	".txt": "text/plain; charset=utf-8",
};

/** A static host of the site, under a path of its own, as GitHub Pages has it. */
export interface Host {
	readonly address: string;
	/** Paths that were asked for. */
	readonly requested: string[];
	close(): Promise<void>;
}

const prefix = "/some/path/";

/** Serves a folder on a free port of the loopback address, which is a secure context. */
export async function serveFolder(folder: string): Promise<Host> {
	const requested: string[] = [];
	const server: Server = createServer(async (request, response) => {
		const { pathname } = new URL(request.url ?? "/", "http://localhost");
		requested.push(pathname);
		const path = decodeURIComponent(pathname);
		const inside = path.startsWith(prefix) ? normalize(path.slice(prefix.length - 1)) : undefined;
		const file = inside?.endsWith("/") ? `${inside}index.html` : inside;
		const body = file === undefined ? undefined : await readFile(join(folder, file)).catch(() => undefined);
		if (file === undefined || body === undefined) return response.writeHead(404).end();
		response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
		return response.end(body);
	});
	await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
	return {
		address: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
		requested,
		close: () =>
			new Promise((closed) => {
				server.close(() => closed());
				server.closeAllConnections();
			}),
	};
}
