// Stores the page's files, so that it opens without a network after the first visit.
// The build makes this file last, and puts in the names of all others and a hash of their contents. A newer version is used
// once no tab has the page open any more, so that a page never gets files of two versions.

declare const FILES: readonly string[];
declare const VERSION: string;

/** The part of the service worker's interface that is used here; the DOM's types do not have it. */
interface ServiceWorker {
	addEventListener(type: "install" | "activate", listener: (event: WaitingEvent) => void): void;
	addEventListener(type: "fetch", listener: (event: FetchedEvent) => void): void;
	readonly registration: { readonly scope: string };
	readonly clients: { claim(): Promise<void> };
}

interface WaitingEvent {
	waitUntil(promise: Promise<unknown>): void;
}

interface FetchedEvent {
	readonly request: Request;
	respondWith(response: Promise<Response>): void;
}

const worker = globalThis as unknown as ServiceWorker;
const name = `tessera-playground-${VERSION}`;

worker.addEventListener("install", (event) => {
	event.waitUntil(
		caches.open(name).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })))),
	);
});

worker.addEventListener("activate", (event) => {
	event.waitUntil(
		caches
			.keys()
			.then((names) =>
				Promise.all(
					names
						.filter((other) => other.startsWith("tessera-playground-") && other !== name)
						.map((other) => caches.delete(other)),
				),
			)
			.then(() => worker.clients.claim()),
	);
});

worker.addEventListener("fetch", (event) => {
	const { request } = event;
	if (request.method !== "GET" || !request.url.startsWith(worker.registration.scope)) return;
	event.respondWith(answer(request));
});

/** The stored file; others are fetched, and stored then. */
async function answer(request: Request): Promise<Response> {
	const cache = await caches.open(name);
	const kept = await cache.match(request, { ignoreSearch: true });
	if (kept !== undefined) return kept;
	const response = await fetch(request);
	// A full storage must not keep the page from its file.
	if (response.status === 200) await cache.put(request, response.clone()).catch(() => {});
	return response;
}
