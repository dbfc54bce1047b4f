import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** An HTTP server on the loopback interface, for tests of downloads. */
export interface TestServer {
	/** Its base URL, without a slash at the end. */
	readonly url: string;
	/** The paths requested so far, in order. */
	readonly requests: readonly string[];
	close(): Promise<void>;
}

export async function startServer(respond: RequestListener): Promise<TestServer> {
	const requests: string[] = [];
	const server = createServer((request, response) => {
		requests.push(request.url ?? "");
		respond(request, response);
	});
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		close: () =>
			new Promise((done) => {
				server.close(() => done());
				server.closeAllConnections();
			}),
	};
}
